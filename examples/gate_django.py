"""A Django validator for uploads, in a form and its view; fine is only what was checked."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse

from vigil_client import Client, MediaError, NamedMedia, VigilError

vigil = Client("http://127.0.0.1:8000")


def harmless(upload) -> None:
    try:
        flagged = vigil.image(NamedMedia(upload.name, upload.file)).flagged
    except MediaError as error:
        raise ValidationError(f"This file cannot be used: {error.detail}") from error
    except VigilError as error:  # nobody could say: closed
        raise ValidationError("Pictures cannot be checked now; try again later.") from error
    if flagged is not False:  # None: the model flags nothing, and so cannot say either
        raise ValidationError("This picture is not allowed here.")


class PictureForm(forms.Form):
    picture = forms.FileField(validators=[harmless])


def upload(request: HttpRequest) -> JsonResponse:
    form = PictureForm(request.POST, request.FILES)
    return JsonResponse({"errors": form.errors}, status=200 if form.is_valid() else 422)

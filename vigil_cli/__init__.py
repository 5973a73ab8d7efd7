"""The command `vigil`: runs the service, and asks one.

    vigil serve                 run the service
    vigil doctor                what keeps it from running well, and how to mend that
    vigil models                what a running service offers
    vigil classify PATH…        images, animations and videos
    vigil video FILE            when each label is seen

`app` declares the commands; each is carried out by a module of its own that is imported when it is
called, so that what asks a service starts without anything of the service.
"""

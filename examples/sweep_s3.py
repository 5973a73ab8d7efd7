"""Tags every picture of an S3 bucket with moderation=…: python sweep_s3.py BUCKET [PREFIX]"""

import sys
import tempfile

import boto3

from vigil_client import Client, VigilError

vigil = Client("http://127.0.0.1:8000")


def sweep(bucket: str, prefix: str = "") -> None:
    s3 = boto3.client("s3")
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for key in (entry["Key"] for entry in page.get("Contents", [])):
            with tempfile.TemporaryFile() as file:  # on disk: objects may be large
                s3.download_fileobj(bucket, key, file)
                try:
                    verdict = "clean" if vigil.image(file).flagged is False else "flagged"
                except VigilError as error:  # nobody could say: not clean
                    print(f"{key}: {error}", file=sys.stderr)
                    verdict = "unchecked"
            tags = {"TagSet": [{"Key": "moderation", "Value": verdict}]}
            s3.put_object_tagging(Bucket=bucket, Key=key, Tagging=tags)


if __name__ == "__main__":
    sweep(*sys.argv[1:])

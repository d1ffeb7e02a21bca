"""Policies of repositories and registries as tests write them, and as ECR gives them back."""

import json

from harness.server import ACCOUNT, CALLER, REGION

ADMIN = {"AWS": CALLER}
ALL_REPOSITORIES = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/*"

# What ECR's documents show of the form that it gives policies back in.
PULL = {"Version": "2012-10-17", "Statement": [{
    "Sid": "AllowPull", "Effect": "Allow", "Principal": "*",
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}]}
PULL_AS_RETURNED = """{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "AllowPull",
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  } ]
}"""


def statement(effect: str, action, principal="*", **more) -> dict:
    return {"Effect": effect, "Principal": principal, "Action": action, **more}


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

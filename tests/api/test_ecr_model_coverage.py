"""What the model promises and what is served are held against each other: every member of every answer is produced, or
listed here with why it is not; every modelled error of every operation has a test, or a line that says why it cannot
occur."""

import fnmatch
import json
import pathlib
import re

import pytest

from harness import model
from harness.api import Api
from harness.server import ACCOUNT, Server
from harness.storage import wait_until
from harness.v2 import IMAGE_TYPE, descriptor, digest_of
from test_ecr_protocol import SERVED

pytestmark = pytest.mark.own_server("it is about what is generated from the model")

HERE = pathlib.Path(__file__).resolve().parent

# "Operation path" of members that no answer has yet.
NOT_PRODUCED = {
    "* *kmsKey": "keys come with the KMS service",
    "DescribeImages imageDetails.imageScan*": "ECR's own scanner does not fill them, and ours is not there yet",
    "DescribeImages imageDetails.lastRecordedPullTime": "not among what this test waits for",
    "DescribeRegistry replicationConfiguration.rules.*": "replication is not there yet",
}

# "Operation Error" of what no test provokes; the operation's own test file has the others by their name.
CANNOT_OCCUR = {
    "* ServerException": "a fault of ours; test_disk_faults.py makes them",
    "* KmsException": "no key is asked for as long as there is no KMS; CreateRepository refuses one",
    "BatchGetImage LimitExceededException": "no limit of ours concerns a pull",
    "BatchGetImage UnableToGetUpstreamImageException": "the pull-through cache is not there yet",
    "GetDownloadUrlForLayer UnableToGetUpstreamLayerException": "the pull-through cache is not there yet",
    "CreateRepositoryCreationTemplate LimitExceededException": "there may be any number of templates",
    "DeregisterPullTimeUpdateExclusion LimitExceededException": "there are fewer afterwards",
    "ListPullTimeUpdateExclusions LimitExceededException": "nothing is added",
    "ListImageReferrers UnableToListUpstreamImageReferrersException": "the pull-through cache is not there yet",
}
# Both kinds of violations of the model's own rules, in every operation: test_ecr_negative.py.
GENERATED = {"InvalidParameterException", "ValidationException"}
# Helpers of the tests whose result is an error, and which.
HELPERS = {"no_repository(": "RepositoryNotFoundException", "not_there(": "TemplateNotFoundException"}
# Files that test several operations, and errors that more files than the operation's own test.
SHARED = {"*AccountSetting": "account_settings", "*PullTimeUpdateExclusion*": "pull_time_update_exclusions",
          "CreateRepository": "quotas", "PutImage": "quotas"}


# ---- answers


class Tour:
    """Calls operations and keeps which members their answers had."""

    def __init__(self, server: Server, name: str):
        self.api = Api(server, name)
        self.produced: dict[str, set[str]] = {}
        self.api.ecr.meta.events.register("after-call.ecr.*", self.keep)

    def keep(self, http_response, model, **_):
        if http_response.status_code == 200:
            self.produced.setdefault(model.name, set()).update(paths_in(model.output_shape, json.loads(http_response.content)))

    def registry(self, operation: str, **parameters):
        """An operation on no repository in particular."""
        return getattr(self.api.ecr, operation)(**parameters)


def paths_in(shape, value, below: str = "") -> set[str]:
    """The members that an answer has, also those that the model lacks."""
    if isinstance(value, list):
        return set().union(*(paths_in(shape.member, one, below) for one in value))
    if not isinstance(value, dict) or shape.type_name == "map":
        return set()
    paths = set()
    for name, inner in value.items():
        path = f"{below}.{name}".lstrip(".")
        assert shape is None or name in shape.members, f"{path} is no member of the model"
        paths |= {path} | paths_in(shape.members[name], inner, path)
    return paths


def tour_repositories(tour: Tour) -> None:
    api = tour.api
    filters = [{"filterType": "WILDCARD", "filter": "v*"}]
    made = {"imageTagMutability": "MUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filters}
    api.call("create_repository", **made, tags=[{"Key": "team", "Value": "a"}])
    tour.registry("create_repository", repositoryName=api.repository + "/other", **made)
    tour.registry("describe_repositories", maxResults=1)
    api.call("put_image_scanning_configuration", imageScanningConfiguration={"scanOnPush": True})
    arn = f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/{api.repository}"
    tour.registry("list_tags_for_resource", resourceArn=arn)
    tour.registry("tag_resource", resourceArn=arn, tags=[{"Key": "stage", "Value": "b"}])
    tour.registry("untag_resource", resourceArn=arn, tagKeys=["stage"])
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})
    api.call("set_repository_policy", policyText=policy)
    api.call("get_repository_policy")
    api.call("delete_repository_policy")


def tour_images(tour: Tour) -> None:
    api = tour.api
    first = api.push_image("v1")
    api.push_image(content=b"2", subject=descriptor(IMAGE_TYPE, first.encode()), annotations={"a": "b"})
    api.push_image(content=b"3", subject=descriptor(IMAGE_TYPE, first.encode()))
    api.call("list_image_referrers", subjectId={"imageDigest": digest_of(first.encode())}, maxResults=1)
    api.call("list_image_referrers", subjectId={"imageDigest": digest_of(first.encode())})
    api.call("batch_get_image", imageIds=[{"imageTag": "v1"}, {"imageTag": "absent"}, {"imageDigest": digest_of(b"absent")}])
    api.call("batch_check_layer_availability", layerDigests=[digest_of(b"layer"), "nonsense"])
    api.call("get_download_url_for_layer", layerDigest=digest_of(b"layer"))
    api.call("list_images", maxResults=2)
    api.call("list_images")
    api.call("describe_images", maxResults=2)
    api.call("describe_images")
    for target, status in (("ARCHIVE", "ARCHIVED"), ("STANDARD", "ACTIVE")):
        both = {"imageTag": "v1", "imageDigest": digest_of(first.encode())}
        api.call("update_image_storage_class", imageId=both, targetStorageClass=target)
        wait_until(lambda: len(api.call("list_images", filter={"imageStatus": status, "tagStatus": "TAGGED"})["imageIds"]) == 1,
                   "the class", 60)
    api.call("describe_images")
    api.call("put_image_tag_mutability", imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
             imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "v*"}])
    api.call("batch_delete_image", imageIds=[{"imageTag": "v1"}, {"imageTag": "absent"}, {"imageDigest": digest_of(b"absent")}])
    api.call("delete_repository", force=True)


def tour_registry(tour: Tour) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "copy", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "ecr:ReplicateImage",
         "Resource": f"arn:aws:ecr:us-west-2:{ACCOUNT}:repository/*"}]})
    tour.registry("put_registry_policy", policyText=policy)
    tour.registry("get_registry_policy")
    tour.registry("delete_registry_policy")
    tour.registry("describe_registry")
    tour.registry("get_authorization_token")
    tour.registry("get_account_setting", name="BLOB_MOUNTING")
    tour.registry("put_account_setting", name="BLOB_MOUNTING", value="ENABLED")
    users = [f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("one", "two")]
    for user in users:
        tour.registry("register_pull_time_update_exclusion", principalArn=user)
    tour.registry("list_pull_time_update_exclusions", maxResults=1)
    for user in users:
        tour.registry("deregister_pull_time_update_exclusion", principalArn=user)


def tour_templates(tour: Tour) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [
        {"Sid": "pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}]})
    rule = {"rulePriority": 1, "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
            "action": {"type": "expire"}, "description": "the last nine images"}
    members = {"appliedFor": ["CREATE_ON_PUSH"], "description": "all of it", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
               "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "v*"}],
               "encryptionConfiguration": {"encryptionType": "AES256"}, "resourceTags": [{"Key": "team", "Value": "a"}],
               "repositoryPolicy": policy, "lifecyclePolicy": json.dumps({"rules": [rule]}),
               "customRoleArn": f"arn:aws:iam::{ACCOUNT}:role/templates"}
    for prefix in ("tour/a", "tour/b"):
        tour.registry("create_repository_creation_template", prefix=prefix, **members)
    tour.registry("describe_repository_creation_templates", maxResults=1)
    tour.registry("update_repository_creation_template", prefix="tour/a", description="changed")
    for prefix in ("tour/a", "tour/b"):
        tour.registry("delete_repository_creation_template", prefix=prefix)


@pytest.fixture(scope="module")
def produced(server):
    tour = Tour(server, "tour/app")
    for part in (tour_repositories, tour_images, tour_registry, tour_templates):
        part(tour)
    return tour.produced


def test_the_tour_visits_every_operation(produced):
    assert set(produced) == SERVED


@pytest.mark.parametrize("operation", sorted(SERVED))
def test_every_member_of_an_answer_is_produced_or_has_a_reason(produced, operation):
    missing = model.paths_of(model.output_of(operation)) - produced[operation]
    unexplained = {path for path in missing
                   if not any(fnmatch.fnmatch(f"{operation} {path}", row) for row in NOT_PRODUCED)}
    assert not unexplained


def test_no_reason_is_stale(produced):
    missing = {f"{operation} {path}" for operation in SERVED
               for path in model.paths_of(model.output_of(operation)) - produced[operation]}
    assert [row for row in NOT_PRODUCED if not fnmatch.filter(missing, row)] == []


# ---- errors


def files_of(operation: str) -> list[pathlib.Path]:
    names = [re.sub("(?<!^)(?=[A-Z])", "_", operation).lower(),
             *(name for pattern, name in SHARED.items() if fnmatch.fnmatchcase(operation, pattern))]
    return [path for name in names if (path := HERE / f"test_ecr_{name}.py").exists()]


def errors_named_in(files: list[pathlib.Path]) -> set[str]:
    text = "\n".join(path.read_text() for path in files)
    named = set(re.findall(r"\b(\w+Exception)\b", text))
    return named | {error for helper, error in HELPERS.items() if helper in text}


def is_explained(operation: str, error: str) -> bool:
    return error in GENERATED or any(fnmatch.fnmatch(f"{operation} {error}", row) for row in CANNOT_OCCUR)


@pytest.mark.parametrize("operation", sorted(SERVED))
def test_every_error_has_a_test_or_a_reason(operation):
    files = files_of(operation)
    assert files
    tested = errors_named_in(files)
    assert [error for error in model.errors_of(operation) if error not in tested and not is_explained(operation, error)] == []


def test_every_row_that_cannot_occur_is_in_the_model():
    modelled = {f"{operation} {error}" for operation in SERVED for error in model.errors_of(operation)}
    assert [row for row in CANNOT_OCCUR if not fnmatch.filter(modelled, row)] == []

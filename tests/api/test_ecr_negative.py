"""Every member of every input of every operation, wrong in each way that the model forbids: refused with the right code
and text, and nothing is changed. The requests are made from the model (ecr-semantics 3.1, 3.3)."""

import json
import re

import pytest

from harness import model
from harness.api import Api
from harness.signed import Signer, call_json, json_error

REPOSITORY = "negative/app"
MALFORMED = "SerializationException"

# A valid value of every expression of the model.
SAMPLES = {
    "CredentialArn": "arn:aws:secretsmanager:us-west-2:123456789012:secret:ecr-pullthroughcache/hub",
    "LayerDigest": "sha256:0123abcd",
    "Prefix": "team",
    "PrincipalArn": "arn:aws:iam::123456789012:role/puller",
    "PullThroughCacheRuleRepositoryPrefix": "docker-hub",
    "KmsKeyForRepositoryCreationTemplate": "arn:aws:kms:us-west-2:123456789012:key/0123-abcd",
    "Region": "us-west-2",
    "RegistryId": "123456789012",
    "RepositoryName": REPOSITORY,
    "SigningProfileArn": "arn:aws:signer:us-west-2:123456789012:/signing-profiles/prod",
    "UploadId": "01234567-89ab-cdef-0123-456789abcdef",
}


def sample(name):
    described = model.shape(name)
    kind = described["type"]
    if kind == "structure":
        return {member: sample(target["shape"]) for member, target in described.get("members", {}).items()}
    if kind == "list":
        return [sample(described["member"]["shape"])]
    if kind == "map":
        return {sample(described["key"]["shape"]): sample(described["value"]["shape"])}
    if kind == "string":
        return described["enum"][0] if "enum" in described else SAMPLES.get(name, "a" * max(described.get("min", 0), 1))
    return {"integer": max(described.get("min", 1), 1), "long": max(described.get("min", 1), 1), "boolean": True,
            "double": 0.5, "timestamp": 1663000000.5, "blob": "AAEC"}[kind]


def of_length(described, valid, length):
    if described["type"] == "list":
        return [valid[0]] * length
    return "A" * ((length + 2) // 3 * 4) if described["type"] == "blob" else "a" * length


def wrong_lengths(described, valid):
    """(value, constraint) of a string, a list or a blob."""
    least, most = described.get("min", 0), described.get("max")
    if least > 0:
        yield of_length(described, valid, least - 1), f"must have length greater than or equal to {least}"
    if most is not None:
        yield of_length(described, valid, most + 1), f"must have length less than or equal to {most}"


def wrong_values(name, valid):
    """(value, constraint); nothing for a constraint means another type."""
    described = model.shape(name)
    kind = described["type"]
    yield (7 if kind in ("string", "blob") else "text"), None
    if "enum" in described:
        yield "no such value", f"Member must satisfy enum value set: [{', '.join(described['enum'])}]"
    elif kind in ("integer", "long"):
        if "min" in described:
            yield described["min"] - 1, f"must be greater than or equal to {described['min']}"
        if "max" in described:
            yield described["max"] + 1, f"must be less than or equal to {described['max']}"
    else:
        yield from wrong_lengths(described, valid)
    if "pattern" in described:
        yield " " * max(described.get("min", 0), 2), f"must satisfy regular expression '{described['pattern']}'"


def mutants(name, valid, path=""):
    """Every (request, path, constraint): the valid one but for one place, and what is said of that."""
    described = model.shape(name)
    if described["type"] == "structure":
        for member, target in described.get("members", {}).items():
            below = f"{path}.{member}".lstrip(".")
            without = {key: value for key, value in valid.items() if key != member}
            if member in described.get("required", []):
                yield without, below, "Member must not be null"
                yield {**valid, member: None}, below, "Member must not be null"
            for value, constraint in wrong_values(target["shape"], valid[member]):
                yield {**valid, member: value}, below, constraint
            for value, where, constraint in mutants(target["shape"], valid[member], below):
                yield {**valid, member: value}, where, constraint
    elif described["type"] == "list":
        element, below = described["member"]["shape"], f"{path}.1.member"
        for value, constraint in wrong_values(element, valid[0]):
            yield [value], below, constraint
        for value, where, constraint in mutants(element, valid[0], below):
            yield [value], where, constraint


def expected(operation, path, constraint):
    """The code, and what the message must match."""
    if constraint is None:
        return MALFORMED, ".*"
    if "ValidationException" not in model.errors_of(operation):
        return ("InvalidParameterException",
                re.escape(f"Invalid parameter at '{path}' failed to satisfy constraint: '{constraint}'"))
    rule = re.sub("^must satisfy regular expression '(.*)'$", r"Member must satisfy regular expression pattern: \1", constraint)
    rule = re.sub("^must be ", "Member must have value ", rule)
    rule = rule if rule.startswith("Member ") else "Member " + rule
    return "ValidationException", rf"\d+ validation errors? detected: Value.* at '{re.escape(path)}' failed to satisfy constraint: {re.escape(rule)}.*"


class Caller:
    """One connection; the operations as the wire has them."""

    def __init__(self, server):
        self.server, self.signer = server, Signer.of(server)

    def __call__(self, operation, request):
        return call_json(self.server, operation, json.dumps(request).encode(), signer=self.signer)


@pytest.fixture(scope="module")
def caller(server):
    server.client("ecr").create_repository(repositoryName=REPOSITORY, tags=[{"Key": "team", "Value": "a"}])
    api = Api(server, REPOSITORY)
    api.push_image("v1")
    return Caller(server)


def state(caller):
    """What a request might have changed."""
    named = {"repositoryName": REPOSITORY}
    questions = [("DescribeRepositories", {}), ("DescribeImages", named), ("ListImages", named), ("GetRepositoryPolicy", named),
                 ("GetRegistryPolicy", {}), ("DescribeRegistry", {}), ("ListPullTimeUpdateExclusions", {}),
                 ("DescribeRepositoryCreationTemplates", {}), ("GetAccountSetting", {"name": "BLOB_MOUNTING"}),
                 ("GetAccountSetting", {"name": "BASIC_SCAN_TYPE_VERSION"}),
                 ("GetAccountSetting", {"name": "REGISTRY_POLICY_SCOPE"})]
    return [(answer.status, answer.json()) for answer in (caller(*question) for question in questions)]


def is_served(caller, operation):
    """Asked by what no operation takes."""
    answer = call_json(caller.server, operation, b"[]", signer=caller.signer)
    return json_error(answer)[1] != "UnknownOperationException"


@pytest.mark.parametrize("operation", model.operations())
def test_whatever_the_model_forbids_is_refused(caller, operation):
    if not is_served(caller, operation):
        assert json_error(caller(operation, {}))[:2] == (404, "UnknownOperationException")
        return
    before = state(caller)
    valid = sample(model.input_of(operation))
    wrong = []
    for request, path, constraint in mutants(model.input_of(operation), valid):
        status, code, message = json_error(caller(operation, request))
        wanted_code, wanted_message = expected(operation, path, constraint)
        if (status, code) != (400, wanted_code) or not re.fullmatch(wanted_message, message, re.DOTALL):
            wrong.append(f"{path} ({constraint or 'another type'}): {status} {code} {message[:300]}")
    assert not wrong, "\n".join(wrong)
    assert state(caller) == before


def test_a_tree_of_mutants_is_made():
    """The generator makes what it says: else the tests above would hold for nothing."""
    made = {operation: list(mutants(model.input_of(operation), sample(model.input_of(operation))))
            for operation in model.operations()}
    assert sum(map(len, made.values())) > 700
    of_list_images = {(path, constraint) for _, path, constraint in made["ListImages"]}
    assert {("repositoryName", "Member must not be null"), ("repositoryName", None), ("maxResults", None),
            ("repositoryName", "must have length greater than or equal to 2"),
            ("repositoryName", "must have length less than or equal to 256"),
            ("maxResults", "must be greater than or equal to 1"), ("maxResults", "must be less than or equal to 1000"),
            ("filter.tagStatus", "Member must satisfy enum value set: [TAGGED, UNTAGGED, ANY]")} <= of_list_images

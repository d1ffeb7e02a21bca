"""ListImageReferrers, and its agreement with /v2/…/referrers/."""

import json

import pytest

from harness.api import OTHER_ACCOUNT, denied, digest_of_text, fault_of, invalid, no_repository, pages_of
from harness.server import ACCOUNT
from harness.v2 import CONFIG_TYPE, IMAGE_TYPE, INDEX_TYPE, V2, descriptor, digest_of

SBOM, SIGNATURE = "application/vnd.example.sbom.v1", "application/vnd.example.signature.v1"
SUBJECT = b"the subject need not be there"
SIZES = [(0, "Member must have value greater than or equal to 1"), (51, "Member must have value less than or equal to 50")]


def attach(api, subject: bytes = SUBJECT, **members) -> dict:
    """Pushes a referrer; the entry that it must be listed by."""
    manifest = api.push_image(subject=descriptor(IMAGE_TYPE, subject), **members)
    entry = {"digest": digest_of_text(manifest), "mediaType": IMAGE_TYPE, "size": len(manifest.encode()),
             "artifactType": members.get("artifactType", CONFIG_TYPE), "artifactStatus": "ACTIVE"}
    return {**entry, "annotations": members["annotations"]} if members.get("annotations") else entry


def listed(api, subject: bytes = SUBJECT, **parameters) -> list[dict]:
    return api.call("list_image_referrers", subjectId={"imageDigest": digest_of(subject)}, **parameters)["referrers"]


def by_digest(entries):
    return sorted(entries, key=lambda entry: entry["digest"])


def test_none(api):
    assert api.call("list_image_referrers", subjectId={"imageDigest": digest_of(SUBJECT)}) == {"referrers": []}


def test_what_is_said_of_each(api):
    expected = [attach(api, artifactType=SBOM, annotations={"org.example.format": "json", "é": "☃\""}),
                attach(api, artifactType=SIGNATURE), attach(api)]
    attach(api, b"another subject")
    assert by_digest(listed(api, registryId=ACCOUNT)) == by_digest(expected)


def test_an_index_has_no_artifact_type(api):
    plain = json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": [],
                        "subject": descriptor(IMAGE_TYPE, SUBJECT)})
    api.put_image(plain)
    assert listed(api) == [{"digest": digest_of_text(plain), "mediaType": INDEX_TYPE, "size": len(plain),
                            "artifactStatus": "ACTIVE"}]


def test_filtered_by_type(api):
    sbom, signature = attach(api, artifactType=SBOM), attach(api, artifactType=SIGNATURE)
    plain = attach(api)
    for types, expected in [([SBOM], [sbom]), ([SIGNATURE], [signature]), (["no/such"], []), ([SBOM, SIGNATURE], [sbom, signature]),
                            ([CONFIG_TYPE], [plain]), ([], [sbom, signature, plain])]:
        assert by_digest(listed(api, filter={"artifactTypes": types})) == by_digest(expected)


def test_filtered_by_status(api):
    entry = attach(api)
    for status, expected in [("ACTIVE", [entry]), ("ANY", [entry]), ("ARCHIVED", []), ("ACTIVATING", [])]:
        assert listed(api, filter={"artifactStatus": status}) == expected


def test_both_doors_list_the_same(api):
    for number in range(25):
        attach(api, artifactType=SBOM if number % 2 else SIGNATURE, annotations={"number": str(number)})
    v2 = V2(api.server, api.repository)
    for types in ([], [SBOM]):
        query = "?" + "&".join(["n=1000", *(f"artifactType={one}" for one in types)])
        index = v2.request("GET", v2.path(f"referrers/{digest_of(SUBJECT)}{query}")).json()
        pages = pages_of(api.ecr.list_image_referrers, "referrers", repositoryName=api.repository,
                         subjectId={"imageDigest": digest_of(SUBJECT)}, maxResults=7, filter={"artifactTypes": types})
        entries = [{key: value for key, value in entry.items() if key != "artifactStatus"} for page in pages for entry in page]
        assert entries == index["manifests"]


def test_pages(api):
    expected = by_digest(attach(api, annotations={"number": str(number)}) for number in range(51))
    of_subject = {"repositoryName": api.repository, "subjectId": {"imageDigest": digest_of(SUBJECT)}}
    for parameters, lengths in [({}, [20, 20, 11]), ({"maxResults": 50}, [50, 1]), ({"maxResults": 17}, [17, 17, 17])]:
        pages = pages_of(api.ecr.list_image_referrers, "referrers", **of_subject, **parameters)
        assert [len(page) for page in pages] == lengths
        assert by_digest(sum(pages, [])) == expected


def test_a_token_is_good_for_its_list_alone(api):
    for number in range(2):
        attach(api, annotations={"number": str(number)})
    subject = {"subjectId": {"imageDigest": digest_of(SUBJECT)}}
    token = api.call("list_image_referrers", maxResults=1, **subject)["nextToken"]
    for parameters in ({**subject, "filter": {"artifactTypes": [SBOM]}}, {**subject, "filter": {"artifactStatus": "ANY"}},
                       {"subjectId": {"imageDigest": digest_of(b"another")}}):
        fault = api.fault("list_image_referrers", nextToken=token, **parameters)
        assert fault.text[0] == "InvalidParameterException"
    assert len(api.call("list_image_referrers", nextToken=token, **subject)["referrers"]) == 1


def test_a_referrer_goes_with_its_delete_and_stays_without_its_subject(api):
    subject = api.push_image("app")
    entry = attach(api, subject.encode())
    api.call("batch_delete_image", imageIds=[{"imageTag": "app"}])
    assert listed(api, subject.encode()) == [entry]
    api.call("batch_delete_image", imageIds=[{"imageDigest": entry["digest"]}])
    assert listed(api, subject.encode()) == []


def test_a_digest_of_another_algorithm_has_none(api):
    assert api.call("list_image_referrers", subjectId={"imageDigest": "md5:00"}) == {"referrers": []}


def test_a_subject_that_is_no_digest(api):
    assert api.fault("list_image_referrers", subjectId={"imageDigest": "latest"}).text == invalid(
        "subjectId.imageDigest", "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")


@pytest.mark.parametrize("size, constraint", SIZES)
def test_sizes_that_no_page_has(api, size, constraint):
    code, message = api.fault("list_image_referrers", subjectId={"imageDigest": digest_of(SUBJECT)}, maxResults=size).text
    assert code == "ValidationException"
    assert message.endswith(f"at 'maxResults' failed to satisfy constraint: {constraint}")


def test_a_policy_may_deny_it_by_name(api):
    """Though BatchGetImage is the leave that it needs."""
    statement = {"Sid": "no", "Effect": "Deny", "Principal": "*", "Action": "ecr:ListImageReferrers"}
    api.call("set_repository_policy", policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    fault = api.fault("list_image_referrers", subjectId={"imageDigest": digest_of(SUBJECT)})
    assert fault.text[0] == "AccessDeniedException" and "ecr:ListImageReferrers" in fault.message
    api.call("delete_repository_policy")
    assert listed(api) == []


def test_no_such_repository(api):
    fault = fault_of(api.ecr.list_image_referrers, repositoryName="not/here", subjectId={"imageDigest": digest_of(SUBJECT)})
    assert fault.text == no_repository("not/here")


def test_another_accounts_repository(api):
    fault = api.fault("list_image_referrers", registryId=OTHER_ACCOUNT, subjectId={"imageDigest": digest_of(SUBJECT)})
    assert fault.text == denied("ecr:BatchGetImage", api.repository)

#include "aws/errors.h"

#include <algorithm>
#include <charconv>
#include <sstream>

#include <pugixml.hpp>

#include "aws/json_codec.h"
#include "base/check.h"

namespace entrepot::aws {
namespace {

constexpr std::string_view kNotRecognized = "The security token included in the request is invalid.";
constexpr std::string_view kExpired = "The security token included in the request is expired";
constexpr std::string_view kInvalid =
    "Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'";
constexpr std::string_view kServerFault =
    "The registry failed to answer. Its log tells why, by this request's id.";

constexpr ErrorMember kPartMembers[] = {
    {"registryId", "account"},
    {"repositoryName", "repository"},
    {"uploadId", "upload"},
    {"lastValidByteReceived", "offset", ErrorMember::Form::kLastOfCount},
};
constexpr ErrorMember kKmsMembers[] = {{"kmsError", "kms_error"}};

// A fault of ours: the same in both protocols.
constexpr ErrorRow ServerFault(ErrorCode code, std::string_view wording = kServerFault) {
  return {code, "ServerException", 500, "InternalFailure", 500, wording};
}

// ECR's own errors have one name; should a query service meet them, it is the same.
constexpr ErrorRow Modelled(ErrorCode code, std::string_view name, std::string_view wording,
                            std::span<const ErrorMember> members = {}) {
  return {code, name, 400, name, 400, wording, 0, {}, members};
}

// clang-format off
constexpr ErrorRow kRows[] = {
    // ---- the request cannot be read
    {ErrorCode::kMalformedRequest, "SerializationException", 400, "MalformedInput", 400, "{detail}"},
    {ErrorCode::kRequestTooLarge, "RequestEntityTooLargeException", 413, "RequestEntityTooLarge", 413,
     "The request's body is longer than this operation takes."},
    {ErrorCode::kRequestTimeout, "RequestTimeoutException", 408, "RequestTimeout", 408,
     "The request's body did not arrive in time."},
    {ErrorCode::kUnknownOperation, "UnknownOperationException", 404, "InvalidAction", 400,
     "Unknown operation: {operation}", 0, "Could not find operation {operation} for version {version}"},
    {ErrorCode::kInvalidParameter, "InvalidParameterException", 400, "InvalidParameterValue", 400, kInvalid},
    {ErrorCode::kValidation, "ValidationException", 400, "ValidationError", 400, "{detail}"},
    {ErrorCode::kInvalidPageToken, "InvalidParameterException", 400, "InvalidParameterValue", 400,
     "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'"},

    // ---- who is calling
    {ErrorCode::kMissingAuthentication, "MissingAuthenticationTokenException", 400, "MissingAuthenticationToken", 403,
     "Missing Authentication Token", 403, "Request is missing Authentication Token"},
    {ErrorCode::kIncompleteSignature, "IncompleteSignatureException", 400, "IncompleteSignature", 400, "{detail}", 403},
    {ErrorCode::kUnknownAccessKey, "UnrecognizedClientException", 400, "InvalidClientTokenId", 403, kNotRecognized, 403},
    {ErrorCode::kSignatureMismatch, "InvalidSignatureException", 400, "SignatureDoesNotMatch", 403,
     "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
     "and signing method. Consult the service documentation for details.", 403},
    {ErrorCode::kCredentialScope, "InvalidSignatureException", 400, "SignatureDoesNotMatch", 403, "{detail}", 403},
    {ErrorCode::kSignatureExpired, "InvalidSignatureException", 400, "SignatureDoesNotMatch", 403, "{detail}", 403},
    {ErrorCode::kSignatureNotYetCurrent, "InvalidSignatureException", 400, "SignatureDoesNotMatch", 403, "{detail}", 403},
    {ErrorCode::kSessionTokenExpired, "ExpiredTokenException", 400, "ExpiredToken", 403, kExpired, 403},
    {ErrorCode::kRegistryTokenInvalid, "UnrecognizedClientException", 400, "InvalidClientTokenId", 403, kNotRecognized, 403},
    {ErrorCode::kRegistryTokenExpired, "ExpiredTokenException", 400, "ExpiredToken", 403, kExpired, 403},

    // ---- may they
    {ErrorCode::kAccessDenied, "AccessDeniedException", 400, "AccessDenied", 403,
     "User: {principal} is not authorized to perform: {action} on resource: {resource} {reason}", 403},

    // ---- repositories
    Modelled(ErrorCode::kRepositoryNotFound, "RepositoryNotFoundException",
             "The repository with name '{repository}' does not exist in the registry with id '{account}'"),
    Modelled(ErrorCode::kRepositoryAlreadyExists, "RepositoryAlreadyExistsException",
             "The repository with name '{repository}' already exists in the registry with id '{account}'"),
    Modelled(ErrorCode::kRepositoryNotEmpty, "RepositoryNotEmptyException",
             "The repository with name '{repository}' in registry with id '{account}' cannot be deleted because it "
             "still contains images"),
    Modelled(ErrorCode::kRepositoryPolicyNotFound, "RepositoryPolicyNotFoundException",
             "Repository policy does not exist for the repository with name '{repository}' in the registry with id "
             "'{account}'"),
    Modelled(ErrorCode::kInvalidTagParameter, "InvalidTagParameterException", "{detail}"),
    Modelled(ErrorCode::kTooManyTags, "TooManyTagsException",
             "The repository with name '{repository}' in the registry with id '{account}' cannot have more than 50 tags"),
    Modelled(ErrorCode::kLimitExceeded, "LimitExceededException", "{detail}"),

    // ---- registries
    Modelled(ErrorCode::kRegistryPolicyNotFound, "RegistryPolicyNotFoundException",
             "Registry policy does not exist in the registry with id '{account}'"),
    Modelled(ErrorCode::kTemplateNotFound, "TemplateNotFoundException",
             "The repository creation template with prefix '{prefix}' does not exist in the registry with id "
             "'{account}'"),
    Modelled(ErrorCode::kTemplateAlreadyExists, "TemplateAlreadyExistsException",
             "The repository creation template with prefix '{prefix}' already exists in the registry with id "
             "'{account}'"),
    Modelled(ErrorCode::kExclusionNotFound, "ExclusionNotFoundException",
             "The pull time update exclusion for the principal '{principal}' does not exist in the registry with "
             "id '{account}'"),
    Modelled(ErrorCode::kExclusionAlreadyExists, "ExclusionAlreadyExistsException",
             "The pull time update exclusion for the principal '{principal}' already exists in the registry with "
             "id '{account}'"),

    // ---- images
    Modelled(ErrorCode::kImageNotFound, "ImageNotFoundException",
             "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within the repository "
             "with name '{repository}' in the registry with id '{account}'"),
    Modelled(ErrorCode::kImageAlreadyExists, "ImageAlreadyExistsException",
             "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{repository}' "
             "in registry with id '{account}'"),
    Modelled(ErrorCode::kImageTagImmutable, "ImageTagAlreadyExistsException",
             "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten because "
             "the tag is immutable."),
    Modelled(ErrorCode::kImageDigestMismatch, "ImageDigestDoesNotMatchException",
             "The digest '{digest}' of the image manifest does not match the given digest '{expected}'"),
    Modelled(ErrorCode::kImageReferencedByIndex, "InvalidParameterException",
             "Requested image referenced by manifest list: {digests}"),
    Modelled(ErrorCode::kImageTagDigestMismatch, "ImageNotFoundException",
             "Requested image digest does not match the image tag"),
    Modelled(ErrorCode::kPreconditionFailed, "InvalidParameterException",
             "The image that is there is not what the condition of the request names"),
    Modelled(ErrorCode::kImageArchived, "ImageArchivedException",
             "The image with digest '{digest}' in the repository with name '{repository}' in the registry with id "
             "'{account}' is archived"),
    Modelled(ErrorCode::kStorageClassNotSupported, "ImageStorageClassUpdateNotSupportedException",
             "The storage class of the image with digest '{digest}' in the repository with name '{repository}' in the "
             "registry with id '{account}' cannot be updated: {detail}"),
    Modelled(ErrorCode::kManifestInvalid, "InvalidParameterException",
             "Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{detail}'"),
    Modelled(ErrorCode::kManifestUnsupported, "InvalidParameterException",
             "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"),
    Modelled(ErrorCode::kManifestTooLarge, "InvalidParameterException",
             "Invalid parameter at 'imageManifest' failed to satisfy constraint: 'must have length less than or equal "
             "to {limit}'"),
    Modelled(ErrorCode::kLayersNotFound, "LayersNotFoundException",
             "Layers with digests '{digests}' required for pushing image into repository with name '{repository}' in "
             "the registry with id '{account}' do not exist"),
    Modelled(ErrorCode::kReferencedImagesNotFound, "ReferencedImagesNotFoundException",
             "Images with digests '{digests}' required for pushing image into repository with name '{repository}' in "
             "the registry with id '{account}' do not exist"),

    // ---- layers and their uploads
    Modelled(ErrorCode::kDigestInvalid, "InvalidParameterException",
             "Invalid parameter at 'digest' failed to satisfy constraint: 'must satisfy regular expression "
             "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+''"),
    Modelled(ErrorCode::kLayerNotFound, "LayersNotFoundException",
             "The layer with digest '{digest}' does not exist within the repository with name '{repository}' in the "
             "registry with id '{account}'"),
    Modelled(ErrorCode::kLayerAlreadyExists, "LayerAlreadyExistsException",
             "The layer with digest '{digest}' already exists in the repository with name '{repository}' in registry "
             "with id '{account}'"),
    Modelled(ErrorCode::kLayerInaccessible, "LayerInaccessibleException",
             "The layer with digest '{digest}' in the repository with name '{repository}' in the registry with id "
             "'{account}' is not referenced by an image"),
    Modelled(ErrorCode::kLayerArchived, "LayerInaccessibleException",
             "The layer with digest '{digest}' in the repository with name '{repository}' in the registry with id "
             "'{account}' belongs to archived images only"),
    Modelled(ErrorCode::kLayerReferenced, "InvalidParameterException",
             "The layer with digest '{digest}' is referenced by an image"),
    Modelled(ErrorCode::kLayerDigestMismatch, "InvalidLayerException",
             "The layer of the upload with id '{upload}' has none of the given digests"),
    Modelled(ErrorCode::kUploadNotFound, "UploadNotFoundException",
             "The upload with id '{upload}' could not be found in the repository with name '{repository}' in the "
             "registry with id '{account}'"),
    Modelled(ErrorCode::kUploadOffset, "InvalidLayerPartException",
             "The layer part of the upload with id '{upload}' does not begin behind the {offset} bytes received so far",
             kPartMembers),
    Modelled(ErrorCode::kUploadRangeInvalid, "InvalidLayerPartException", "{detail}", kPartMembers),
    Modelled(ErrorCode::kEmptyUpload, "EmptyUploadException",
             "The upload with id '{upload}' in the repository with name '{repository}' in the registry with id "
             "'{account}' has no layer parts"),
    Modelled(ErrorCode::kLayerPartTooSmall, "LayerPartTooSmallException",
             "All layer parts except the last part should be at least 5MB"),
    Modelled(ErrorCode::kRangeNotSatisfiable, "InvalidParameterException",
             "The range lies beyond the {size} bytes that there are"),

    // ---- keys
    Modelled(ErrorCode::kKeyFailure, "KmsException", "{detail}", kKmsMembers),

    // ---- the environment: details go to the log alone
    {ErrorCode::kUnavailable, "ServiceUnavailable", 503, "ServiceUnavailable", 503,
     "The registry cannot answer at the moment. Try again."},
    ServerFault(ErrorCode::kStorageFull, "The registry's storage is full. Nothing was stored."),
    ServerFault(ErrorCode::kStorageFault),
    ServerFault(ErrorCode::kDamaged, "What the registry stored for this request is damaged. Its log tells more."),
    ServerFault(ErrorCode::kConfiguration),
    ServerFault(ErrorCode::kInternal),
};
// clang-format on

constexpr bool RowsAreInOrder() {
  for (int i = 0; i < kErrorCodeCount; ++i)
    if (static_cast<int>(kRows[i].code) != i) return false;
  return std::size(kRows) == kErrorCodeCount;
}
static_assert(RowsAreInOrder(), "every ErrorCode has its row, in ErrorCode's order");

const ErrorRow& RowOf(ErrorCode code, std::span<const ErrorRow> overrides) {
  const auto found = std::ranges::find(overrides, code, &ErrorRow::code);
  return found != overrides.end() ? *found : kRows[static_cast<std::size_t>(code)];
}

// As JSON text; nothing when the fact is absent or says nothing of use.
std::string MemberText(const ErrorMember& member, std::string_view fact) {
  if (member.form == ErrorMember::Form::kText) {
    std::string text;
    if (!fact.empty()) AppendJsonText(text, fact);
    return text;
  }
  std::int64_t count = 0;
  std::from_chars(fact.data(), fact.data() + fact.size(), count);
  return count > 0 ? std::to_string(count - 1) : std::string();
}

}  // namespace

std::span<const ErrorRow> ErrorRows() { return kRows; }

ErrorAnswer Describe(const Error& error, Protocol protocol, std::span<const ErrorRow> overrides,
                     JsonAuthStatus auth_status) {
  const ErrorRow& row = RowOf(error.code(), overrides);
  const bool json = protocol == Protocol::kJson;
  ErrorAnswer answer{
      .name = json ? row.json_name : row.query_name,
      .status = json ? row.json_status : row.query_status,
      .message = error.Fill(json || row.query_wording.empty() ? row.wording : row.query_wording),
  };
  if (json && auth_status == JsonAuthStatus::kDocumented && row.documented_status)
    answer.status = row.documented_status;
  for (const ErrorMember& member : row.members)
    if (std::string text = MemberText(member, error.fact(member.fact)); !text.empty())
      answer.members.emplace_back(member.name, std::move(text));
  return answer;
}

std::string WriteJsonError(const ErrorAnswer& answer) {
  std::string text = "{\"__type\":";
  AppendJsonText(text, answer.name);
  if (!answer.message.empty()) {
    text += ",\"message\":";
    AppendJsonText(text, answer.message);
  }
  for (const auto& [name, value] : answer.members)
    text.append(",\"").append(name).append("\":").append(value);
  return text += '}';
}

std::string WriteXmlError(const ErrorAnswer& answer, std::string_view xml_namespace,
                          std::string_view request_id) {
  pugi::xml_document document;
  const auto set = [](pugi::xml_node parent, const char* name, std::string_view text) {
    parent.append_child(name).text().set(std::string(text).c_str());
  };
  pugi::xml_node root = document.append_child("ErrorResponse");
  root.append_attribute("xmlns").set_value(std::string(xml_namespace).c_str());
  pugi::xml_node error = root.append_child("Error");
  set(error, "Type", answer.status < 500 ? "Sender" : "Receiver");
  set(error, "Code", answer.name);
  set(error, "Message", answer.message);
  set(root, "RequestId", request_id);
  std::ostringstream out;
  document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
  return std::move(out).str();
}

}  // namespace entrepot::aws

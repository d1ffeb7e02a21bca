#include "registry/manifest.h"

#include <algorithm>
#include <array>

#include "base/json.h"

namespace entrepot::registry {
namespace {

namespace json = boost::json;

// What a media type says about the shape of its manifest (design.md 5, ecr-semantics 4.4).
enum class Shape { kImage, kIndex, kArtifact, kSchema1 };
struct MediaTypeRow {
  std::string_view media_type;
  Shape shape;
};
constexpr std::array kMediaTypes{
    MediaTypeRow{"application/vnd.oci.image.manifest.v1+json", Shape::kImage},
    MediaTypeRow{"application/vnd.docker.distribution.manifest.v2+json", Shape::kImage},
    MediaTypeRow{"application/vnd.oci.image.index.v1+json", Shape::kIndex},
    MediaTypeRow{"application/vnd.docker.distribution.manifest.list.v2+json", Shape::kIndex},
    MediaTypeRow{"application/vnd.cncf.oras.artifact.manifest.v1+json", Shape::kArtifact},
    MediaTypeRow{"application/vnd.docker.distribution.manifest.v1+json", Shape::kSchema1},
    MediaTypeRow{"application/vnd.docker.distribution.manifest.v1+prettyjws", Shape::kSchema1},
};

// What ECR says of bad JSON, and of a manifest whose media type nobody names (ecr-semantics 4.4).
constexpr const char* kInvalidJson = "Invalid JSON syntax";

std::unexpected<Error> Invalid(std::string why) { return Fail(ErrorCode::kManifestInvalid, std::move(why)); }

Result<std::string> MediaTypeOf(const json::value& root, std::string_view declared) {
  const json::value* member = FindMember(root, "mediaType");
  if (member && !member->is_string()) return Invalid("mediaType is no string");
  std::string_view own = member ? std::string_view(member->get_string()) : std::string_view();
  declared = declared.substr(0, declared.find(';'));
  while (declared.ends_with(' ')) declared.remove_suffix(1);
  if (own.empty() && declared.empty()) {
    const json::value* version = FindMember(root, "schemaVersion");
    if (version && version->is_int64() && version->get_int64() == 1) {
      const bool is_signed = FindMember(root, "signatures") != nullptr;
      return std::string(is_signed ? "application/vnd.docker.distribution.manifest.v1+prettyjws"
                                   : "application/vnd.docker.distribution.manifest.v1+json");
    }
    return Invalid(kInvalidJson);
  }
  if (own.empty()) return std::string(declared);
  if (!declared.empty() && own != declared)
    return Invalid("the manifest's mediaType differs from the request's");
  return std::string(own);
}

// "" when it is not there. The store takes no text with a NUL.
Result<std::string> TextMember(const json::value& object, std::string_view name) {
  const std::string_view text = StringMember(object, name);
  if (text.contains('\0')) return Invalid(std::string(name) + " contains U+0000");
  return std::string(text);
}

Result<Reference> ReadDescriptor(const json::value& value, ReferenceKind kind) {
  if (!value.is_object()) return Invalid("a descriptor is no object");
  Result<Digest> digest = Digest::Parse(StringMember(value, "digest"));
  if (!digest) return Invalid("a descriptor's digest is no digest");
  const json::value* size = FindMember(value, "size");
  if (!size || !size->is_int64() || size->get_int64() < 0) return Invalid("a descriptor's size is no length");
  return Reference{.digest = *digest,
                   .kind = kind,
                   .media_type = TRY(TextMember(value, "mediaType")),
                   .size = size->get_int64()};
}

// The lengths are the client's own words: their sum need not be a number of ours.
Result<> AddToSize(const Reference& reference, Manifest& manifest) {
  if (__builtin_add_overflow(manifest.layers_size, reference.size, &manifest.layers_size))
    return Invalid("the sizes of the descriptors add up to no length");
  return {};
}

// Of a layer that clients fetch by its urls, and push only when they are told to.
bool IsElsewhere(const json::value& descriptor) {
  const json::value* urls = FindMember(descriptor, "urls");
  const std::string_view media_type = StringMember(descriptor, "mediaType");
  const bool foreign_type =
      media_type.find("foreign") != media_type.npos || media_type.find("nondistributable") != media_type.npos;
  return urls && urls->is_array() && !urls->get_array().empty() && foreign_type;
}

// An entry of an index that no manifest's media type fits is a layer: BuildKit's cache is an index of layers.
bool IsLayerOfIndex(const Reference& reference) {
  return reference.kind == ReferenceKind::kManifest && !reference.media_type.empty() &&
         !IsManifestType(reference.media_type);
}

Result<> ReadList(const json::value& root, std::string_view member, ReferenceKind kind, bool required,
                  Manifest& manifest) {
  const json::value* list = FindMember(root, member);
  if (!list || list->is_null()) {
    if (required) return Invalid(std::string(member) + " is missing");
    return {};
  }
  if (!list->is_array()) return Invalid(std::string(member) + " is no list");
  for (const json::value& descriptor : list->get_array()) {
    Reference reference = TRY(ReadDescriptor(descriptor, kind));
    if (IsLayerOfIndex(reference)) reference.kind = ReferenceKind::kLayer;
    reference.elsewhere = reference.kind == ReferenceKind::kLayer && IsElsewhere(descriptor);
    if (reference.kind == ReferenceKind::kLayer && !reference.elsewhere) TRY(AddToSize(reference, manifest));
    manifest.references.push_back(std::move(reference));
  }
  return {};
}

Result<> ReadConfig(const json::value& root, Manifest& manifest) {
  const json::value* config = FindMember(root, "config");
  if (!config) return Invalid("config is missing");
  Reference reference = TRY(ReadDescriptor(*config, ReferenceKind::kConfig));
  TRY(AddToSize(reference, manifest));
  if (manifest.artifact_type.empty()) manifest.artifact_type = reference.media_type;
  manifest.references.push_back(std::move(reference));
  return {};
}

// Schema 1 lists its layers as fsLayers[].blobSum, without sizes.
Result<> ReadSchema1(const json::value& root, Manifest& manifest) {
  const json::value* layers = FindMember(root, "fsLayers");
  if (!layers || !layers->is_array()) return Invalid("fsLayers is missing");
  for (const json::value& layer : layers->get_array()) {
    Result<Digest> digest = Digest::Parse(StringMember(layer, "blobSum"));
    if (!digest) return Invalid("a blobSum is no digest");
    manifest.references.push_back({.digest = *digest, .kind = ReferenceKind::kLayer, .media_type = ""});
  }
  return {};
}

Result<> ReadSubjectAndAnnotations(const json::value& root, Manifest& manifest) {
  if (const json::value* subject = FindMember(root, "subject"); subject && !subject->is_null()) {
    Reference reference = TRY(ReadDescriptor(*subject, ReferenceKind::kSubject));
    manifest.subject = reference.digest;
    manifest.references.push_back(std::move(reference));
  }
  if (const json::value* annotations = FindMember(root, "annotations");
      annotations && annotations->is_object()) {
    for (const auto& [key, value] : annotations->get_object())
      if (value.is_string()) manifest.annotations.emplace_back(key, value.get_string());
  }
  return {};
}

}  // namespace

bool IsManifestType(std::string_view media_type) {
  return std::ranges::find(kMediaTypes, media_type, &MediaTypeRow::media_type) != kMediaTypes.end();
}

Result<> RefuseMediaTypeParameters(const Manifest& manifest) {
  const auto has_parameters = [](std::string_view media_type) { return media_type.contains(';'); };
  if (has_parameters(manifest.artifact_type) ||
      std::ranges::any_of(manifest.references, has_parameters, &Reference::media_type))
    return Invalid(kInvalidJson);
  return {};
}

Result<Manifest> ParseManifest(std::string_view content, std::string_view declared_media_type) {
  if (content.size() > kMaxManifestBytes)
    return Fail(Error(ErrorCode::kManifestTooLarge).With("limit", std::to_string(kMaxManifestBytes)));
  const Result<json::value> root = ParseJson(content);
  if (!root || !root->is_object()) return Invalid(kInvalidJson);

  Manifest manifest;
  manifest.media_type = TRY(MediaTypeOf(*root, declared_media_type));
  const auto row = std::ranges::find(kMediaTypes, manifest.media_type, &MediaTypeRow::media_type);
  if (row == kMediaTypes.end())
    return Fail(Error(ErrorCode::kManifestUnsupported).With("media_type", manifest.media_type));
  manifest.artifact_type = TRY(TextMember(*root, "artifactType"));
  switch (row->shape) {
    case Shape::kImage:
      TRY(ReadConfig(*root, manifest));
      TRY(ReadList(*root, "layers", ReferenceKind::kLayer, true, manifest));
      break;
    case Shape::kIndex:
      manifest.is_index = true;
      TRY(ReadList(*root, "manifests", ReferenceKind::kManifest, true, manifest));
      break;
    case Shape::kArtifact:
      TRY(ReadList(*root, "blobs", ReferenceKind::kLayer, false, manifest));
      break;
    case Shape::kSchema1:
      TRY(ReadSchema1(*root, manifest));
      break;
  }
  TRY(ReadSubjectAndAnnotations(*root, manifest));
  return manifest;
}

}  // namespace entrepot::registry

#pragma once

// Reading a manifest: what kind it is and what it refers to. Its bytes are kept verbatim; this is only what
// the registry needs to know of them. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace entrepot::registry {

inline constexpr std::size_t kMaxManifestBytes = 4 * 1024 * 1024;  // ecr model, ecr-semantics 9

enum class ReferenceKind : std::int8_t { kConfig = 1, kLayer = 2, kManifest = 3, kSubject = 4 };  // stored

/// Whether it names a blob; the others name manifests.
constexpr bool IsLayer(ReferenceKind kind) {
  return kind == ReferenceKind::kConfig || kind == ReferenceKind::kLayer;
}

struct Reference {
  Digest digest;
  ReferenceKind kind;
  std::string media_type;
  std::int64_t size = 0;
  bool elsewhere = false;  // a layer whose urls say where it is: it need not be here, and may be
};

struct Manifest {
  std::string media_type;
  bool is_index = false;              // an index or manifest list: refers to manifests
  std::vector<Reference> references;  // as the manifest lists them
  std::optional<Digest> subject;
  std::string artifact_type;  // artifactType, else the config's media type; "" for a plain index
  std::vector<std::pair<std::string, std::string>> annotations;
  std::int64_t layers_size = 0;  // config and layers together but for those elsewhere, as the descriptors say
};

/// Whether manifests of that media type are taken (design.md 5).
bool IsManifestType(std::string_view media_type);

/// `declared_media_type` is what the request said (Content-Type, or imageManifestMediaType), "" when it said
/// nothing. kManifestInvalid: no JSON object, no media type anywhere, two that differ, a bad descriptor;
/// kManifestUnsupported: a media type that is no manifest's (design.md 5); kManifestTooLarge.
Result<Manifest> ParseManifest(std::string_view content, std::string_view declared_media_type);

/// kManifestInvalid when a descriptor's media type or the artifact type has parameters, which ECR refuses
/// (ecr-semantics 4.4).
Result<> RefuseMediaTypeParameters(const Manifest& manifest);

}  // namespace entrepot::registry

#pragma once

// An image's manifest in the other of its two formats, Docker's schema 2 and OCI's, for a client that asks by
// tag and accepts only that one (ecr-semantics 4.5). What is stored stays as it was pushed. Pure.

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace entrepot::registry {

struct ConvertedManifest {
  std::string media_type;
  std::string content;
};

/// The manifest as one of `accepted`. Nothing when it cannot be said there without loss: an index, an
/// artifact, one with a subject or a type of its own, a layer that the other format has no name for.
std::optional<ConvertedManifest> ConvertManifest(std::string_view content, std::string_view media_type,
                                                 std::span<const std::string> accepted);

}  // namespace entrepot::registry

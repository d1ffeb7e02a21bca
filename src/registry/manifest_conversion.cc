#include "registry/manifest_conversion.h"

#include <algorithm>
#include <array>

#include <boost/json/serialize.hpp>

#include "base/json.h"

namespace entrepot::registry {
namespace {

namespace json = boost::json;

struct Names {
  std::string_view docker, oci;
};
constexpr Names kManifest{"application/vnd.docker.distribution.manifest.v2+json",
                          "application/vnd.oci.image.manifest.v1+json"};
constexpr Names kConfig{"application/vnd.docker.container.image.v1+json",
                        "application/vnd.oci.image.config.v1+json"};
// OCI image specification 1.1, "Compatibility matrix".
constexpr std::array kLayers{
    Names{"application/vnd.docker.image.rootfs.diff.tar.gzip", "application/vnd.oci.image.layer.v1.tar+gzip"},
    Names{"application/vnd.docker.image.rootfs.diff.tar", "application/vnd.oci.image.layer.v1.tar"},
    Names{"application/vnd.docker.image.rootfs.diff.tar.zstd", "application/vnd.oci.image.layer.v1.tar+zstd"},
    Names{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
          "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"},
    Names{"application/vnd.docker.image.rootfs.foreign.diff.tar",
          "application/vnd.oci.image.layer.nondistributable.v1.tar"},
};

using Name = std::string_view Names::*;

// What only one of the formats can say.
bool SaysMore(const json::object& manifest) {
  return std::ranges::any_of(manifest, [](const json::key_value_pair& member) {
    const std::string_view key = member.key();
    return key != "schemaVersion" && key != "mediaType" && key != "config" && key != "layers" &&
           key != "annotations";
  });
}

std::optional<json::object> Renamed(const json::value& descriptor, std::span<const Names> names, Name from,
                                    Name to) {
  if (!descriptor.is_object()) return std::nullopt;
  json::object renamed = descriptor.get_object();
  const std::string_view media_type = StringMember(descriptor, "mediaType");
  const auto found = std::ranges::find(names, media_type, from);
  if (found == names.end()) return std::nullopt;
  renamed["mediaType"] = (*found).*to;
  if (to == &Names::docker) renamed.erase("annotations");
  return renamed;
}

std::optional<std::string> Convert(std::string_view content, Name from, Name to) {
  const auto parsed = ParseJson(content);
  if (!parsed || !parsed->is_object() || SaysMore(parsed->get_object())) return std::nullopt;
  const json::value *config = FindMember(*parsed, "config"), *layers = FindMember(*parsed, "layers");
  if (config == nullptr || layers == nullptr || !layers->is_array()) return std::nullopt;

  json::object converted{{"schemaVersion", 2}, {"mediaType", kManifest.*to}};
  auto renamed = Renamed(*config, {&kConfig, 1}, from, to);
  if (!renamed) return std::nullopt;
  converted["config"] = std::move(*renamed);
  json::array& converted_layers = converted["layers"].emplace_array();
  for (const json::value& layer : layers->get_array()) {
    renamed = Renamed(layer, kLayers, from, to);
    if (!renamed) return std::nullopt;
    converted_layers.push_back(std::move(*renamed));
  }
  return json::serialize(converted);
}

}  // namespace

std::optional<ConvertedManifest> ConvertManifest(std::string_view content, std::string_view media_type,
                                                 std::span<const std::string> accepted) {
  for (const auto& [from, to] :
       {std::pair{&Names::docker, &Names::oci}, std::pair{&Names::oci, &Names::docker}}) {
    if (media_type != kManifest.*from || std::ranges::find(accepted, kManifest.*to) == accepted.end())
      continue;
    if (auto converted = Convert(content, from, to))
      return ConvertedManifest{std::string(kManifest.*to), std::move(*converted)};
  }
  return std::nullopt;
}

}  // namespace entrepot::registry

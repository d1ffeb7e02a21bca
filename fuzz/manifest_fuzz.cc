// Manifests as clients push them: whatever the bytes, reading them ends in a manifest or an error, and what
// it refers to has digests and lengths.

#include "base/check.h"
#include "registry/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entrepot;
  // The first byte chooses what the request declares.
  static constexpr std::string_view kDeclared[] = {
      "", "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
      "application/vnd.docker.distribution.manifest.v1+prettyjws"};
  if (size == 0) return 0;
  const std::string_view content(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Result<registry::Manifest> manifest = registry::ParseManifest(content, kDeclared[data[0] % 4]);
  if (!manifest) return 0;
  CHECK(!manifest->media_type.empty());
  for (const registry::Reference& reference : manifest->references) {
    CHECK(reference.size >= 0);
    CHECK(Digest::Parse(reference.digest.ToString()) == reference.digest);
  }
  return 0;
}

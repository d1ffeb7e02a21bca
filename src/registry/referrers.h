#pragma once

// What refers to an image: the manifests that name it as their subject. One list serves both doors. Safe from
// any thread; calls block on the store.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/page.h"
#include "metadata/images.h"
#include "metadata/store.h"
#include "registry/repository.h"

namespace entrepot::registry {

struct Referrer {
  Digest digest;
  std::string media_type;
  std::int64_t size = 0;      // of the manifest
  std::string artifact_type;  // its artifactType, else its config's media type; "" for a plain index
  std::vector<std::pair<std::string, std::string>> annotations;
  metadata::ImageStatus status = metadata::ImageStatus::kActive;
};

/// Which ones a list has.
struct ReferrerFilter {
  std::span<const std::string> artifact_types = {};  // any of these; empty = every one
  std::optional<metadata::ImageStatus> status = metadata::ImageStatus::kActive;  // nothing = any
};

class Referrers {
 public:
  explicit Referrers(metadata::Store& store) : store_(store) {}

  /// By digest, `request.limit` at least 1. The subject need not be there. A page looks at a bounded number
  /// of rows and reads at most 4 MiB of manifests: it may come out short, or empty, with more behind it.
  /// kInvalidPageToken.
  Result<Page<Referrer>> List(const Repository& repository, const Digest& subject,
                              const ReferrerFilter& filter, const PageRequest& request);

 private:
  metadata::Store& store_;
};

}  // namespace entrepot::registry

#include "registry/set_aside.h"

#include <limits>

#include "metadata/store_walk.h"
#include "registry/caches.h"
#include "registry/grace.h"

namespace entrepot::registry {

Result<bool> SetAside(metadata::Store& store, std::int64_t registry, Bytes file_id) {
  return store.Write([&](metadata::WriteTransaction& transaction) -> Result<bool> {
    const auto row = TRY(metadata::FindBlob(transaction.session(), registry, file_id));
    if (!row || row->state != metadata::BlobState::kLive) return false;
    TRY(metadata::MarkDamaged(transaction, registry, file_id, transaction.store_time() + kQuarantine));
    const auto links =
        TRY(metadata::ListLinks(transaction.session(), registry, file_id, std::numeric_limits<int>::max()));
    for (const metadata::LinkRow& link : links)
      transaction.Touch(LayerKey(RepositoryId(link.repository), row->digest));
    return true;
  });
}

}  // namespace entrepot::registry

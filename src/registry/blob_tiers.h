#pragma once

// The two places that a blob's file can lie in: at hand, or in the archive (design-storage 1.15).

#include "blobs/blob_store.h"
#include "metadata/blobs.h"

namespace entrepot::registry {

struct BlobTiers {
  blobs::BlobStore& hot;
  blobs::BlobStore& archive;

  blobs::BlobStore& Of(const metadata::BlobRow& row) const {
    return row.tier == metadata::BlobTier::kArchive ? archive : hot;
  }
};

}  // namespace entrepot::registry

#pragma once

// The tables as a check of the store walks them: in the order of their keys, a page at a time, with what each
// row must agree with read in the same statement. And where an interrupted check stands.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metadata/blobs.h"
#include "metadata/images.h"

namespace entrepot::metadata {

/// The key of the last row that was looked at; empty at the beginning.
struct WalkPosition {
  std::int64_t registry = 0;
  std::int64_t repository = 0;  // 0 in tables that have none
  ByteVector key;

  ByteVector Encode() const;
  static Result<WalkPosition> Decode(Bytes bytes);
};

/// What the repository of a row is to the store.
enum class Owner : std::int8_t { kNone = 0, kNamed = 1, kDeleted = 2 };  // deleted: collection is at its rows

struct WalkedBlob {
  FileRow file;
  bool linked = false;
  bool candidate = false;  // collection will look at it
};
Result<std::vector<WalkedBlob>> WalkBlobs(sql::Session& session, const WalkPosition& after, int limit);

struct WalkedLink {
  RepositoryRef ref;
  Owner owner = Owner::kNone;
  std::string repository_name;
  Digest digest;
  std::optional<LinkRow> link;  // nothing when its blob's row is missing
  bool held = false;            // until a time
  bool referenced = false;
};
Result<std::vector<WalkedLink>> WalkLinks(sql::Session& session, const WalkPosition& after, int limit);

struct WalkedManifest {
  RepositoryRef ref;
  Owner owner = Owner::kNone;
  ManifestRow row;
  std::string content;
};
Result<std::vector<WalkedManifest>> WalkManifests(sql::Session& session, const WalkPosition& after,
                                                  int limit);

struct WalkedTag {
  RepositoryRef ref;
  Owner owner = Owner::kNone;
  std::string tag;
  bool has_image = false;
};
Result<std::vector<WalkedTag>> WalkTags(sql::Session& session, const WalkPosition& after, int limit);

/// A manifest that reference rows name as their parent.
struct WalkedParent {
  RepositoryRef ref;
  Owner owner = Owner::kNone;
  Digest parent;
  bool has_image = false;
};
Result<std::vector<WalkedParent>> WalkParents(sql::Session& session, const WalkPosition& after, int limit);

/// The row of one file, whatever its state.
Result<std::optional<BlobRow>> FindBlob(sql::Session& session, std::int64_t registry, Bytes file_id);

/// A check that has begun.
struct StoreCheck {
  std::int64_t stage = 0;
  WalkPosition position;
  bool repair = false, read_blobs = false;
  std::int64_t checked = 0, findings = 0, repaired = 0;
  Timestamp started_at;
};
Result<std::optional<StoreCheck>> FindStoreCheck(sql::Session& session);
Result<> PutStoreCheck(WriteTransaction& transaction, const StoreCheck& check);
Result<> DeleteStoreCheck(WriteTransaction& transaction);

}  // namespace entrepot::metadata

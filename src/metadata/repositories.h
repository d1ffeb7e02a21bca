#pragma once

// Rows of registries, domains, repositories and their resource tags.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/names.h"
#include "metadata/store.h"

namespace entrepot::metadata {

/// The key that every table below a repository begins with.
struct RepositoryRef {
  std::int64_t registry = 0;
  std::int64_t repository = 0;
};

struct RepositoryRow {
  std::int64_t registry = 0;
  std::int64_t id = 0;
  std::string name;
  std::int64_t domain = 0;
  int encryption = 0;
  std::string kms_key;
  Timestamp created_at;
  int tag_mutability = 0;
  std::string tag_exclusions;  // one a line
  bool scan_on_push = false;
};

/// Version key, for caches: of the repository of that name, whether there is one, how it is set, and its
/// policy. Writers raise it.
std::uint64_t RepositoryVersion(const RegistryName& registry, std::string_view name);

/// The next number of a counter, from 1; never handed out again.
Result<std::int64_t> NextNumber(WriteTransaction& transaction, std::string_view counter);

Result<std::optional<std::int64_t>> FindRegistry(sql::Session& session, const RegistryName& name);
/// Makes the row when it is not there.
Result<std::int64_t> EnsureRegistry(WriteTransaction& transaction, const RegistryName& name);
/// The domain of files with that encryption, made when it is not there.
Result<std::int64_t> EnsureDomain(WriteTransaction& transaction, std::int64_t registry, int encryption,
                                  const std::string& kms_key);

Result<std::optional<RepositoryRow>> FindRepository(sql::Session& session, std::int64_t registry,
                                                    std::string_view name);
/// Nothing once the repository was deleted.
Result<std::optional<std::string>> FindRepositoryName(sql::Session& session, RepositoryRef ref);
Result<std::optional<RegistryName>> FindRegistryName(sql::Session& session, std::int64_t registry);
/// What a repository's row is locked against until the transaction ends, on PostgreSQL: where nodes share a
/// store, its deletion, or every transaction that writes in it.
enum class RepositoryLock : std::int8_t { kAgainstDeletion, kAgainstWrites };
/// The domain of the repository, found by its id; nothing when it is gone. Whoever changes a domain locks
/// against writes.
Result<std::optional<std::int64_t>> FindDomain(WriteTransaction& transaction, RepositoryRef ref,
                                               RepositoryLock lock = RepositoryLock::kAgainstDeletion);
struct TagMutabilityRow {
  int mode = 0;
  std::string exclusions;  // one a line
};
/// How its tags may move, as of this transaction: on PostgreSQL a change of that waits until it ends. Nothing
/// when the repository was deleted.
Result<std::optional<TagMutabilityRow>> FindTagMutability(WriteTransaction& transaction, RepositoryRef ref);
/// Names after `after`, ascending.
Result<std::vector<RepositoryRow>> ListRepositories(sql::Session& session, std::int64_t registry,
                                                    std::string_view after, int limit);
Result<std::int64_t> CountRepositories(sql::Session& session, std::int64_t registry);
/// False when the name is taken.
Result<bool> InsertRepository(WriteTransaction& transaction, const RepositoryRow& row);
/// Each is false when the repository was deleted.
Result<bool> UpdateTagMutability(WriteTransaction& transaction, RepositoryRef ref, int tag_mutability,
                                 std::string_view tag_exclusions);
Result<bool> UpdateScanOnPush(WriteTransaction& transaction, RepositoryRef ref, bool scan_on_push);
/// Frees the name and leaves the rest for collection.
Result<> RetireRepository(WriteTransaction& transaction, RepositoryRef ref, std::string_view name);

using TagRow = std::pair<std::string, std::string>;
Result<std::vector<TagRow>> ListRepositoryTags(sql::Session& session, RepositoryRef ref);
Result<> PutRepositoryTag(WriteTransaction& transaction, RepositoryRef ref, const TagRow& tag);
Result<> DeleteRepositoryTag(WriteTransaction& transaction, RepositoryRef ref, std::string_view key);

}  // namespace entrepot::metadata

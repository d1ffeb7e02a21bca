#pragma once

// Rows of what is set for a registry as a whole: account settings, and principals whose pulls do not count.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metadata/store.h"

namespace entrepot::metadata {

/// Settings that more than their own operations read.
inline constexpr std::string_view kBlobMounting = "BLOB_MOUNTING",
                                  kRegistryPolicyScope = "REGISTRY_POLICY_SCOPE";

/// Version key, for caches; PutAccountSetting raises it.
std::uint64_t AccountSettingsVersion(const RegistryName& registry);

/// Version key of the principals whose pulls do not count.
std::uint64_t PullTimeExclusionsVersion(const RegistryName& registry);

/// Nothing while it was never set.
Result<std::optional<std::string>> FindAccountSetting(sql::Session& session, const RegistryName& registry,
                                                      std::string_view name);
Result<> PutAccountSetting(WriteTransaction& transaction, const RegistryName& registry, std::string_view name,
                           std::string_view value);

/// False when it is there already.
Result<bool> InsertPullTimeExclusion(WriteTransaction& transaction, const RegistryName& registry,
                                     std::string_view principal_arn);
/// False when it is not there.
Result<bool> DeletePullTimeExclusion(WriteTransaction& transaction, const RegistryName& registry,
                                     std::string_view principal_arn);
Result<std::int64_t> CountPullTimeExclusions(sql::Session& session, const RegistryName& registry);
/// ARNs after `after`, ascending.
Result<std::vector<std::string>> ListPullTimeExclusions(sql::Session& session, const RegistryName& registry,
                                                        std::string_view after, int limit);

}  // namespace entrepot::metadata

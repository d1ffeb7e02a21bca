#include "registry/pull_time_exclusions.h"

#include "metadata/registry_settings.h"

namespace entrepot::registry {
namespace {

Error About(const RegistryName& registry, const std::string& principal_arn, ErrorCode code) {
  return Error(code).With("principal", principal_arn).With("account", registry.account.str());
}

}  // namespace

Result<Timestamp> PullTimeExclusions::Register(const RegistryName& registry,
                                               const std::string& principal_arn) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<Timestamp> {
    if (!TRY(metadata::InsertPullTimeExclusion(transaction, registry, principal_arn)))
      return Fail(About(registry, principal_arn, ErrorCode::kExclusionAlreadyExists));
    const auto count = TRY(metadata::CountPullTimeExclusions(transaction.session(), registry));
    TRY(CheckQuota(quotas_.pull_time_exclusions, count,
                   "pull time update exclusions in the registry with id '" + registry.account.str() + "'"));
    return transaction.now();
  });
}

Result<> PullTimeExclusions::Deregister(const RegistryName& registry, const std::string& principal_arn) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    if (!TRY(metadata::DeletePullTimeExclusion(transaction, registry, principal_arn)))
      return Fail(About(registry, principal_arn, ErrorCode::kExclusionNotFound));
    return {};
  });
}

Result<Page<std::string>> PullTimeExclusions::List(const RegistryName& registry, const PageRequest& request) {
  Page<std::string> page;
  page.entries = TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::ListPullTimeExclusions(session, registry, request.after, request.limit + 1);
  }));
  if (page.entries.size() > static_cast<std::size_t>(request.limit)) {
    page.entries.pop_back();
    page.next = page.entries.back();
  }
  return page;
}

}  // namespace entrepot::registry

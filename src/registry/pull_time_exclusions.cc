#include "registry/pull_time_exclusions.h"

#include <limits>

#include "base/arn.h"
#include "metadata/registry_settings.h"

namespace entrepot::registry {
namespace {

Error About(const RegistryName& registry, const std::string& principal_arn, ErrorCode code) {
  return Error(code).With("principal", principal_arn).With("account", registry.account.str());
}

// The role of arn:aws:sts::A:assumed-role/NAME/SESSION, as exclusions name it; another ARN as it is. The
// session does not tell a role's path.
std::string PrincipalOf(std::string_view arn) {
  const Result<Arn> parsed =
      arn.contains(":assumed-role/") ? Arn::Parse(arn) : Fail(ErrorCode::kInvalidParameter);
  if (!parsed) return std::string(arn);
  const std::string_view session = std::string_view(parsed->resource).substr(parsed->resource.find('/') + 1);
  Arn role = *parsed;
  role.service = "iam";
  role.resource = "role/" + std::string(session.substr(0, session.find('/')));
  return role.ToString();
}

std::string CacheKeyOf(const Repository& repository) {
  return std::to_string(static_cast<std::int64_t>(repository.registry_id));
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

std::optional<bool> PullTimeExclusions::TryExcludes(const Repository& repository,
                                                    std::string_view principal_arn) {
  const std::uint64_t version = metadata::PullTimeExclusionsVersion(repository.registry);
  const auto known = known_.Get(version, CacheKeyOf(repository), store_.versions());
  if (!known) return std::nullopt;
  return !known->empty() && known->contains(PrincipalOf(principal_arn));
}

Result<bool> PullTimeExclusions::Excludes(const Repository& repository, std::string_view principal_arn) {
  if (const auto known = TryExcludes(repository, principal_arn)) return *known;
  const std::uint64_t version = metadata::PullTimeExclusionsVersion(repository.registry);
  const metadata::Seen seen(store_.versions(), version);
  std::vector<std::string> arns = TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::ListPullTimeExclusions(session, repository.registry, "",
                                            std::numeric_limits<std::int32_t>::max());
  }));
  auto principals = std::make_shared<const Principals>(arns.begin(), arns.end());
  std::size_t bytes = sizeof(Principals);
  for (const std::string& arn : arns) bytes += arn.size() + 64;
  const bool excluded = principals->contains(PrincipalOf(principal_arn));
  known_.Put(version, CacheKeyOf(repository), seen, std::move(principals), bytes);
  return excluded;
}

}  // namespace entrepot::registry

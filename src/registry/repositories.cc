#include "registry/repositories.h"

#include "base/arn.h"
#include "metadata/images.h"
#include "metadata/policies.h"
#include "metadata/repositories.h"
#include "registry/lines.h"
#include "registry/refs.h"

namespace entrepot::registry {
namespace {

constexpr std::size_t kMaxResourceTags = 50;  // ecr-semantics 4.1

RepositoryPtr ToRepository(const RegistryName& registry, metadata::RepositoryRow row) {
  return std::make_shared<const Repository>(
      Repository{.registry = registry,
                 .registry_id = RegistryId(row.registry),
                 .id = RepositoryId(row.id),
                 .name = RepositoryName::Trusted(std::move(row.name)),
                 .domain = row.domain,
                 .encryption = static_cast<EncryptionMode>(row.encryption),
                 .kms_key = std::move(row.kms_key),
                 .created_at = row.created_at,
                 .tag_mutability = static_cast<TagMutability>(row.tag_mutability),
                 .tag_exclusions = SplitLines(row.tag_exclusions),
                 .scan_on_push = row.scan_on_push});
}

Error AboutName(const RegistryName& registry, const RepositoryName& name, ErrorCode code) {
  return Error(code).With("repository", name.str()).With("account", registry.account.str());
}

Result<std::optional<metadata::RepositoryRow>> FindRow(metadata::sql::Session& session,
                                                       const RegistryName& registry, std::string_view name) {
  const auto id = TRY(metadata::FindRegistry(session, registry));
  if (!id) return std::nullopt;
  return metadata::FindRepository(session, *id, name);
}

}  // namespace

Result<RepositoryPtr> Repositories::Create(const RegistryName& registry, const NewRepository& repository) {
  return store_.Write(
      [&](metadata::WriteTransaction& transaction) { return Create(transaction, registry, repository); });
}

Result<RepositoryPtr> Repositories::Create(metadata::WriteTransaction& transaction,
                                           const RegistryName& registry, const NewRepository& repository) {
  if (repository.encryption != EncryptionMode::kAes256)
    return Fail(Error(ErrorCode::kKeyFailure, "this registry has no KMS keys yet; use encryptionType AES256")
                    .With("kms_error", "KMS.NotFoundException"));
  if (repository.tags.size() > kMaxResourceTags)
    return Fail(AboutName(registry, repository.name, ErrorCode::kTooManyTags));
  const std::int64_t registry_id = TRY(metadata::EnsureRegistry(transaction, registry));
  metadata::RepositoryRow row{.registry = registry_id,
                              .id = TRY(metadata::NextNumber(transaction, "repositories")),
                              .name = repository.name.str(),
                              .domain = TRY(metadata::EnsureDomain(
                                  transaction, registry_id, static_cast<int>(repository.encryption), "")),
                              .encryption = static_cast<int>(repository.encryption),
                              .kms_key = "",
                              .created_at = transaction.now(),
                              .tag_mutability = static_cast<int>(repository.tag_mutability),
                              .tag_exclusions = JoinLines(repository.tag_exclusions),
                              .scan_on_push = repository.scan_on_push};
  const metadata::RepositoryRef ref{registry_id, row.id};
  if (!TRY(metadata::InsertRepository(transaction, row)))
    return Fail(AboutName(registry, repository.name, ErrorCode::kRepositoryAlreadyExists));
  TRY(CheckRepositoryQuota(transaction, registry, registry_id));
  for (const ResourceTag& tag : repository.tags) TRY(metadata::PutRepositoryTag(transaction, ref, tag));
  if (repository.policy) TRY(metadata::PutRepositoryPolicy(transaction, ref, *repository.policy));
  TRY(keys_.Current(transaction, {registry_id, row.id, RepositoryArn(registry, row.name)}));
  transaction.Touch(RepositoryKey(registry, repository.name));
  return ToRepository(registry, std::move(row));
}

Result<> Repositories::CheckRepositoryQuota(metadata::WriteTransaction& transaction,
                                            const RegistryName& registry, std::int64_t registry_id) {
  if (quotas_.repositories == 0) return {};
  const auto count = TRY(metadata::CountRepositories(transaction.session(), registry_id));
  return CheckQuota(quotas_.repositories, count,
                    "repositories in the registry with id '" + registry.account.str() + "'");
}

RepositoryPtr Repositories::TryFind(const RegistryName& registry, std::string_view name) {
  return caches_.FindRepository(registry, name);
}

Result<RepositoryPtr> Repositories::Find(const RegistryName& registry, const RepositoryName& name) {
  if (RepositoryPtr cached = caches_.FindRepository(registry, name)) return cached;
  const std::uint64_t version = caches_.versions.Current(RepositoryKey(registry, name));
  auto row =
      TRY(store_.Read([&](metadata::sql::Session& session) { return FindRow(session, registry, name); }));
  if (!row) return Fail(AboutName(registry, name, ErrorCode::kRepositoryNotFound));
  RepositoryPtr repository = ToRepository(registry, std::move(*row));
  caches_.PutRepository(repository, version);
  return repository;
}

Result<Page<RepositoryPtr>> Repositories::List(const RegistryName& registry, const PageRequest& request) {
  return store_.Read([&](metadata::sql::Session& session) -> Result<Page<RepositoryPtr>> {
    Page<RepositoryPtr> page;
    const auto id = TRY(metadata::FindRegistry(session, registry));
    if (!id) return page;
    auto rows = TRY(metadata::ListRepositories(session, *id, request.after, request.limit + 1));
    const bool more = rows.size() > static_cast<std::size_t>(request.limit);
    if (more) rows.pop_back();
    for (metadata::RepositoryRow& row : rows) page.entries.push_back(ToRepository(registry, std::move(row)));
    if (more) page.next = page.entries.back()->name.str();
    return page;
  });
}

Result<RepositoryPtr> Repositories::Delete(const RegistryName& registry, const RepositoryName& name,
                                           bool force) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<RepositoryPtr> {
    auto row = TRY(FindRow(transaction.session(), registry, name));
    if (!row) return Fail(AboutName(registry, name, ErrorCode::kRepositoryNotFound));
    const metadata::RepositoryRef ref{row->registry, row->id};
    if (!force && TRY(metadata::HasManifests(transaction.session(), ref)))
      return Fail(AboutName(registry, name, ErrorCode::kRepositoryNotEmpty));
    TRY(metadata::RetireRepository(transaction, ref, name));
    transaction.Touch(RepositoryKey(registry, name));
    return ToRepository(registry, std::move(*row));
  });
}

Result<> Repositories::SetTagMutability(const Repository& repository, TagMutability mode,
                                        const std::vector<std::string>& exclusions) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    if (!TRY(metadata::UpdateTagMutability(transaction, RefOf(repository), static_cast<int>(mode),
                                           JoinLines(exclusions))))
      return Fail(About(repository, ErrorCode::kRepositoryNotFound));
    transaction.Touch(RepositoryKey(repository.registry, repository.name));
    return {};
  });
}

Result<> Repositories::SetScanOnPush(const Repository& repository, bool scan_on_push) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    if (!TRY(metadata::UpdateScanOnPush(transaction, RefOf(repository), scan_on_push)))
      return Fail(About(repository, ErrorCode::kRepositoryNotFound));
    transaction.Touch(RepositoryKey(repository.registry, repository.name));
    return {};
  });
}

Result<> Repositories::AddResourceTags(const Repository& repository, const std::vector<ResourceTag>& tags) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    TRY(RequireRepository(transaction, repository));
    for (const ResourceTag& tag : tags) TRY(metadata::PutRepositoryTag(transaction, RefOf(repository), tag));
    const auto all = TRY(metadata::ListRepositoryTags(transaction.session(), RefOf(repository)));
    if (all.size() > kMaxResourceTags) return Fail(About(repository, ErrorCode::kTooManyTags));
    return {};
  });
}

Result<> Repositories::RemoveResourceTags(const Repository& repository,
                                          const std::vector<std::string>& keys) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    TRY(RequireRepository(transaction, repository));
    for (const std::string& key : keys)
      TRY(metadata::DeleteRepositoryTag(transaction, RefOf(repository), key));
    return {};
  });
}

Result<std::vector<ResourceTag>> Repositories::ResourceTags(const Repository& repository) {
  return store_.Read([&](metadata::sql::Session& session) {
    return metadata::ListRepositoryTags(session, RefOf(repository));
  });
}

}  // namespace entrepot::registry

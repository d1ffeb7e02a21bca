#include "registry/creation_templates.h"

#include "metadata/creation_templates.h"
#include "registry/lines.h"

namespace entrepot::registry {
namespace {

constexpr std::string_view kRoot = "ROOT";

std::string_view KeyOf(std::string_view prefix) {
  return prefix.ends_with('/') ? prefix.substr(0, prefix.size() - 1) : prefix;
}

CreationTemplate ToTemplate(metadata::CreationTemplateRow row) {
  return {.prefix = std::move(row.given_prefix),
          .applied_for = row.applied_for,
          .description = std::move(row.description),
          .custom_role_arn = std::move(row.custom_role_arn),
          .encryption = static_cast<EncryptionMode>(row.encryption),
          .kms_key = std::move(row.kms_key),
          .tag_mutability = static_cast<TagMutability>(row.tag_mutability),
          .tag_exclusions = SplitLines(row.tag_exclusions),
          .tags = std::move(row.tags),
          .repository_policy = std::move(row.repository_policy),
          .lifecycle_policy = std::move(row.lifecycle_policy),
          .created_at = row.created_at,
          .updated_at = row.updated_at};
}

metadata::CreationTemplateRow ToRow(std::int64_t registry, const CreationTemplate& from) {
  return {.registry = registry,
          .prefix = std::string(KeyOf(from.prefix)),
          .given_prefix = from.prefix,
          .applied_for = from.applied_for,
          .description = from.description,
          .custom_role_arn = from.custom_role_arn,
          .encryption = static_cast<int>(from.encryption),
          .kms_key = from.kms_key,
          .tag_mutability = static_cast<int>(from.tag_mutability),
          .tag_exclusions = JoinLines(from.tag_exclusions),
          .repository_policy = from.repository_policy,
          .lifecycle_policy = from.lifecycle_policy,
          .created_at = from.created_at,
          .updated_at = from.updated_at,
          .tags = from.tags};
}

Error About(const RegistryName& registry, std::string_view prefix, ErrorCode code) {
  return Error(code).With("prefix", std::string(prefix)).With("account", registry.account.str());
}

Result<std::optional<CreationTemplate>> FindIn(metadata::sql::Session& session, const RegistryName& registry,
                                               std::string_view prefix) {
  const auto id = TRY(metadata::FindRegistry(session, registry));
  if (!id) return std::nullopt;
  auto row = TRY(metadata::FindCreationTemplate(session, *id, KeyOf(prefix)));
  if (!row) return std::nullopt;
  return ToTemplate(*std::move(row));
}

// The longest prefix first: "a/b", "a", and ROOT for a/b/c.
Result<std::optional<CreationTemplate>> Choose(metadata::sql::Session& session, const RegistryName& registry,
                                               std::string_view name, CreationScenario scenario) {
  while (name != kRoot) {
    const std::size_t slash = name.rfind('/');
    name = slash == name.npos ? kRoot : name.substr(0, slash);
    auto found = TRY(FindIn(session, registry, name));
    if (found && (found->applied_for & static_cast<int>(scenario))) return found;
  }
  return std::nullopt;
}

NewRepository ByTemplate(const RepositoryName& name, const std::optional<CreationTemplate>& made_by) {
  if (!made_by) return {.name = name};
  return {.name = name,
          .encryption = made_by->encryption,
          .tag_mutability = made_by->tag_mutability,
          .tag_exclusions = made_by->tag_exclusions,
          .tags = made_by->tags,
          .policy = made_by->repository_policy};
}

}  // namespace

Result<CreationTemplate> CreationTemplates::Create(const RegistryName& registry, CreationTemplate wanted) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<CreationTemplate> {
    const std::int64_t id = TRY(metadata::EnsureRegistry(transaction, registry));
    if (TRY(FindIn(transaction.session(), registry, wanted.prefix)))
      return Fail(About(registry, wanted.prefix, ErrorCode::kTemplateAlreadyExists));
    wanted.created_at = wanted.updated_at = transaction.now();
    TRY(metadata::PutCreationTemplate(transaction, ToRow(id, wanted)));
    return wanted;
  });
}

Result<CreationTemplate> CreationTemplates::Update(const RegistryName& registry, std::string_view prefix,
                                                   const std::function<Result<>(CreationTemplate&)>& change) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<CreationTemplate> {
    const std::int64_t id = TRY(metadata::EnsureRegistry(transaction, registry));
    auto found = TRY(FindIn(transaction.session(), registry, prefix));
    if (!found) return Fail(About(registry, prefix, ErrorCode::kTemplateNotFound));
    TRY(change(*found));
    found->updated_at = transaction.now();
    TRY(metadata::PutCreationTemplate(transaction, ToRow(id, *found)));
    return *std::move(found);
  });
}

Result<CreationTemplate> CreationTemplates::Delete(const RegistryName& registry, std::string_view prefix) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<CreationTemplate> {
    const std::int64_t id = TRY(metadata::EnsureRegistry(transaction, registry));
    auto found = TRY(FindIn(transaction.session(), registry, prefix));
    if (!found) return Fail(About(registry, prefix, ErrorCode::kTemplateNotFound));
    TRY(metadata::DeleteCreationTemplate(transaction, id, KeyOf(prefix)));
    return *std::move(found);
  });
}

Result<std::optional<CreationTemplate>> CreationTemplates::Find(const RegistryName& registry,
                                                                std::string_view prefix) {
  return store_.Read([&](metadata::sql::Session& session) { return FindIn(session, registry, prefix); });
}

Result<Page<CreationTemplate>> CreationTemplates::List(const RegistryName& registry,
                                                       const PageRequest& request) {
  return store_.Read([&](metadata::sql::Session& session) -> Result<Page<CreationTemplate>> {
    Page<CreationTemplate> page;
    const auto id = TRY(metadata::FindRegistry(session, registry));
    if (!id) return page;
    auto rows = TRY(metadata::ListCreationTemplates(session, *id, request.after, request.limit + 1));
    const bool more = rows.size() > static_cast<std::size_t>(request.limit);
    if (more) rows.pop_back();
    if (more) page.next = rows.back().prefix;
    for (metadata::CreationTemplateRow& row : rows) page.entries.push_back(ToTemplate(std::move(row)));
    return page;
  });
}

bool CreationTemplates::NeedsTemplate(CreationScenario scenario) const {
  return scenario == CreationScenario::kCreateOnPush &&
         push_without_template_ == PushWithoutTemplate::kRefused;
}

Result<bool> CreationTemplates::Covers(const RegistryName& registry, const RepositoryName& name,
                                       CreationScenario scenario) {
  if (!NeedsTemplate(scenario)) return true;
  return store_.Read([&](metadata::sql::Session& session) -> Result<bool> {
    return TRY(Choose(session, registry, name, scenario)).has_value();
  });
}

Result<RepositoryPtr> CreationTemplates::CreateRepository(const RegistryName& registry,
                                                          const RepositoryName& name,
                                                          CreationScenario scenario) {
  Result<RepositoryPtr> made =
      store_.Write([&](metadata::WriteTransaction& transaction) -> Result<RepositoryPtr> {
        const auto made_by = TRY(Choose(transaction.session(), registry, name, scenario));
        if (!made_by && NeedsTemplate(scenario))
          return Fail(Error(ErrorCode::kRepositoryNotFound)
                          .With("repository", name.str())
                          .With("account", registry.account.str()));
        return repositories_.Create(transaction, registry, ByTemplate(name, made_by));
      });
  const bool taken = !made && made.error().code() == ErrorCode::kRepositoryAlreadyExists;
  return taken ? repositories_.Find(registry, name) : made;
}

}  // namespace entrepot::registry

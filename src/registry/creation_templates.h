#pragma once

// Repositories that come into being because something arrives for them: by a push, from an upstream, from
// another registry. A template says how those below its prefix are made (ecr-semantics 4.14). Safe from any
// thread; calls block on the store.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/page.h"
#include "metadata/store.h"
#include "registry/repositories.h"

namespace entrepot::registry {

/// Why a repository is made. Stored as bits.
enum class CreationScenario : std::uint8_t { kReplication = 1, kPullThroughCache = 2, kCreateOnPush = 4 };

struct CreationTemplate {
  std::string prefix;   // as the client wrote it: "team", "team/" (the same one), or ROOT, which fits all
  int applied_for = 0;  // CreationScenarios
  std::optional<std::string> description, custom_role_arn;
  EncryptionMode encryption = EncryptionMode::kAes256;
  std::string kms_key;
  TagMutability tag_mutability = TagMutability::kMutable;
  std::vector<std::string> tag_exclusions;
  std::vector<ResourceTag> tags;
  std::optional<std::string> repository_policy;  // canonical
  std::optional<std::string> lifecycle_policy;   // kept until there is an engine
  Timestamp created_at, updated_at;
};

/// What becomes of a push to a repository that is not there, where no template is for it.
enum class PushWithoutTemplate { kRefused, kMakesRepository };

class CreationTemplates {
 public:
  /// `repositories` outlives it.
  CreationTemplates(metadata::Store& store, Repositories& repositories,
                    PushWithoutTemplate push_without_template = PushWithoutTemplate::kRefused)
      : store_(store), repositories_(repositories), push_without_template_(push_without_template) {}

  /// kTemplateAlreadyExists.
  Result<CreationTemplate> Create(const RegistryName& registry, CreationTemplate wanted);
  /// kTemplateNotFound, and what `change` finds wrong. It may be called again from the start.
  Result<CreationTemplate> Update(const RegistryName& registry, std::string_view prefix,
                                  const std::function<Result<>(CreationTemplate&)>& change);
  /// What it was. kTemplateNotFound.
  Result<CreationTemplate> Delete(const RegistryName& registry, std::string_view prefix);
  Result<std::optional<CreationTemplate>> Find(const RegistryName& registry, std::string_view prefix);
  /// By prefix, ascending.
  Result<Page<CreationTemplate>> List(const RegistryName& registry, const PageRequest& request);

  /// Whether CreateRepository would make that repository.
  Result<bool> Covers(const RegistryName& registry, const RepositoryName& name, CreationScenario scenario);
  /// The repository, made by the template with the longest prefix for the scenario, else by ECR's defaults;
  /// for a push without a template kRepositoryNotFound where that is refused. One that has come into being
  /// meanwhile is returned as it is.
  Result<RepositoryPtr> CreateRepository(const RegistryName& registry, const RepositoryName& name,
                                         CreationScenario scenario);

 private:
  bool NeedsTemplate(CreationScenario scenario) const;

  metadata::Store& store_;
  Repositories& repositories_;
  const PushWithoutTemplate push_without_template_;
};

}  // namespace entrepot::registry

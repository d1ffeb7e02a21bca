#pragma once

// Rows of how repositories come into being when nobody creates them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metadata/repositories.h"

namespace entrepot::metadata {

struct CreationTemplateRow {
  std::int64_t registry = 0;
  std::string prefix;        // the key
  std::string given_prefix;  // as the client wrote it
  int applied_for = 0;
  std::optional<std::string> description, custom_role_arn;
  int encryption = 0;
  std::string kms_key;
  int tag_mutability = 0;
  std::string tag_exclusions;  // one a line
  std::optional<std::string> repository_policy, lifecycle_policy;
  Timestamp created_at, updated_at;
  std::vector<TagRow> tags;  // by key
};

Result<std::optional<CreationTemplateRow>> FindCreationTemplate(sql::Session& session, std::int64_t registry,
                                                                std::string_view prefix);
/// Prefixes after `after`, ascending.
Result<std::vector<CreationTemplateRow>> ListCreationTemplates(sql::Session& session, std::int64_t registry,
                                                               std::string_view after, int limit);
/// Makes or replaces it, its tags too.
Result<> PutCreationTemplate(WriteTransaction& transaction, const CreationTemplateRow& row);
Result<> DeleteCreationTemplate(WriteTransaction& transaction, std::int64_t registry,
                                std::string_view prefix);

}  // namespace entrepot::metadata

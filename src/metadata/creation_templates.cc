#include "metadata/creation_templates.h"

namespace entrepot::metadata {
namespace {

#define TEMPLATE_COLUMNS                                                                            \
  "registry, prefix, given_prefix, applied_for, description, custom_role_arn, encryption, kms_key," \
  " tag_mutability, tag_exclusions, repository_policy, lifecycle_policy, created_at, updated_at"

CreationTemplateRow ReadTemplate(sql::Cursor& row) {
  return {.registry = row.Int(0),
          .prefix = row.Text(1),
          .given_prefix = row.Text(2),
          .applied_for = static_cast<int>(row.Int(3)),
          .description = row.OptionalText(4),
          .custom_role_arn = row.OptionalText(5),
          .encryption = static_cast<int>(row.Int(6)),
          .kms_key = row.Text(7),
          .tag_mutability = static_cast<int>(row.Int(8)),
          .tag_exclusions = row.Text(9),
          .repository_policy = row.OptionalText(10),
          .lifecycle_policy = row.OptionalText(11),
          .created_at = row.Time(12),
          .updated_at = row.Time(13),
          .tags = {}};
}

Result<> AddTags(sql::Session& session, CreationTemplateRow& row) {
  sql::Cursor tag = TRY(session.Query(
      "SELECT key, value FROM creation_template_tags WHERE registry = $1 AND prefix = $2 ORDER BY key",
      row.registry, row.prefix));
  while (TRY(tag.Next())) row.tags.emplace_back(tag.Text(0), tag.Text(1));
  return {};
}

Result<> DeleteTags(WriteTransaction& transaction, std::int64_t registry, std::string_view prefix) {
  TRY(transaction->Run("DELETE FROM creation_template_tags WHERE registry = $1 AND prefix = $2", registry,
                       prefix));
  return {};
}

sql::Value OrNull(const std::optional<std::string>& text) {
  return text ? sql::Value(*text) : sql::Value(nullptr);
}

}  // namespace

Result<std::optional<CreationTemplateRow>> FindCreationTemplate(sql::Session& session, std::int64_t registry,
                                                                std::string_view prefix) {
  sql::Cursor cursor = TRY(session.Query("SELECT " TEMPLATE_COLUMNS
                                         " FROM creation_templates WHERE registry = $1 AND prefix = $2",
                                         registry, prefix));
  if (!TRY(cursor.Next())) return std::nullopt;
  CreationTemplateRow row = ReadTemplate(cursor);
  TRY(AddTags(session, row));
  return row;
}

Result<std::vector<CreationTemplateRow>> ListCreationTemplates(sql::Session& session, std::int64_t registry,
                                                               std::string_view after, int limit) {
  std::vector<CreationTemplateRow> rows;
  {
    sql::Cursor cursor = TRY(
        session.Query("SELECT " TEMPLATE_COLUMNS
                      " FROM creation_templates WHERE registry = $1 AND prefix > $2 ORDER BY prefix LIMIT $3",
                      registry, after, limit));
    while (TRY(cursor.Next())) rows.push_back(ReadTemplate(cursor));
  }
  for (CreationTemplateRow& row : rows) TRY(AddTags(session, row));
  return rows;
}

Result<> PutCreationTemplate(WriteTransaction& transaction, const CreationTemplateRow& row) {
  TRY(transaction->Run(
      "INSERT INTO creation_templates (" TEMPLATE_COLUMNS
      ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
      " ON CONFLICT (registry, prefix) DO UPDATE SET applied_for = excluded.applied_for,"
      " description = excluded.description, custom_role_arn = excluded.custom_role_arn,"
      " encryption = excluded.encryption, kms_key = excluded.kms_key,"
      " tag_mutability = excluded.tag_mutability, tag_exclusions = excluded.tag_exclusions,"
      " repository_policy = excluded.repository_policy, lifecycle_policy = excluded.lifecycle_policy,"
      " updated_at = excluded.updated_at",
      row.registry, row.prefix, row.given_prefix, row.applied_for, OrNull(row.description),
      OrNull(row.custom_role_arn), row.encryption, row.kms_key, row.tag_mutability, row.tag_exclusions,
      OrNull(row.repository_policy), OrNull(row.lifecycle_policy), row.created_at, row.updated_at));
  TRY(DeleteTags(transaction, row.registry, row.prefix));
  for (const TagRow& tag : row.tags)
    TRY(transaction->Run(
        "INSERT INTO creation_template_tags (registry, prefix, key, value) VALUES ($1, $2, $3, $4)",
        row.registry, row.prefix, tag.first, tag.second));
  return {};
}

Result<> DeleteCreationTemplate(WriteTransaction& transaction, std::int64_t registry,
                                std::string_view prefix) {
  TRY(transaction->Run("DELETE FROM creation_templates WHERE registry = $1 AND prefix = $2", registry,
                       prefix));
  return DeleteTags(transaction, registry, prefix);
}

}  // namespace entrepot::metadata

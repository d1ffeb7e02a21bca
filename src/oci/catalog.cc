#include "oci/catalog.h"

namespace entrepot::oci {
namespace {

// What no repository's name has: a place that is sealed, since the name there may be hidden.
constexpr char kSealed = '*';
constexpr std::string_view kPurpose = "catalog place";

// Good for this registry alone: compared with names of another one, it would tell what it hides.
std::string SealedHead(const Call& call) {
  return call.registry->account.str() + " " + call.registry->region.str() + " ";
}

std::string SealPlace(const Rooms& rooms, const Call& call, std::string_view name) {
  return kSealed + rooms.access.Seal(kPurpose, SealedHead(call).append(name));
}

Result<std::string> OpenPlace(const Rooms& rooms, const Call& call) {
  const std::string& last = call.parameters.last;
  if (!last.starts_with(kSealed)) return last;
  const std::optional<std::string> text = rooms.access.Open(kPurpose, std::string_view(last).substr(1));
  const std::string head = SealedHead(call);
  if (!text || !text->starts_with(head)) return Fail(ErrorCode::kInvalidPageToken);
  return text->substr(head.size());
}

Result<bool> MayDescribe(const Rooms& rooms, const Call& call, const RepositoryName& name) {
  const Result<> allowed = Authorize(rooms, call, "ecr:DescribeRepositories", name);
  if (!allowed && allowed.error().code() != ErrorCode::kAccessDenied) return Fail(allowed.error());
  return allowed.has_value();
}

}  // namespace

Result<CatalogPage> ReadCatalog(const Rooms& rooms, const Call& call) {
  const auto limit = static_cast<std::size_t>(call.parameters.limit);
  CatalogPage page;
  if (limit == 0) return page;
  std::string after = TRY(OpenPlace(rooms, call));
  int rows = call.parameters.limit + 1;  // enough when nothing is hidden
  for (int looked_at = 0; looked_at <= kMaxPage; looked_at += std::exchange(rows, kMaxPage)) {
    const auto listed = TRY(rooms.repositories.List(*call.registry, {.limit = rows, .after = after}));
    for (const registry::RepositoryPtr& repository : listed.entries) {
      if (!TRY(MayDescribe(rooms, call, repository->name))) continue;
      if (page.names.size() == limit) {
        page.next = page.names.back();
        return page;
      }
      page.names.push_back(repository->name.str());
    }
    if (listed.next.empty()) return page;
    after = listed.next;
  }
  page.next = SealPlace(rooms, call, after);
  return page;
}

}  // namespace entrepot::oci

// Stages of fsck.h that add up what is stored.

#include "metadata/usage.h"
#include "registry/fsck.h"

namespace entrepot::registry {
namespace {

using metadata::RepositoryRef;

// A reading transaction is limited in time; what cannot be counted in it is said, and nothing else is held up
// by it.
constexpr std::string_view kNotCounted = "usage_not_counted";

template <class T>
struct Comparison {
  T kept, counted;
};

template <class T, class Find, class Count, class Set>
Result<> Compare(FsckWork& work, const std::string& subject, std::string_view code, Find find, Count count,
                 Set set) {
  const auto compared = work.store.Read([&](metadata::sql::Session& session) -> Result<Comparison<T>> {
    return Comparison<T>{TRY(find(session)), TRY(count(session))};
  });
  if (!compared && compared.error().code() == ErrorCode::kUnavailable) {
    work.findings.push_back({kNotCounted, subject, std::string(compared.error().fact("detail")), false});
    return {};
  }
  if (!compared) return Fail(compared.error());
  if (compared->kept == compared->counted) return {};
  if (work.options.repair)
    TRY(work.store.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
      return set(transaction, TRY(count(transaction.session())));
    }));
  work.findings.push_back({code, subject, "", work.options.repair});
  return {};
}

}  // namespace

Result<std::size_t> CheckUsage(FsckWork& work) {
  const auto listed = TRY(work.store.Read([&](metadata::sql::Session& session) {
    return metadata::ListUsage(session, {work.position.registry, work.position.repository}, 1);
  }));
  for (const metadata::NamedUsage& entry : listed) {
    const RepositoryRef ref = entry.ref;
    TRY(Compare<metadata::Usage>(
        work, entry.name, "usage_does_not_add_up",
        [ref](metadata::sql::Session& session) { return metadata::FindUsage(session, ref); },
        [ref](metadata::sql::Session& session) { return metadata::CountUsage(session, ref); },
        [ref](metadata::WriteTransaction& transaction, const metadata::Usage& usage) {
          return metadata::SetUsage(transaction, ref, usage);
        }));
    work.position = {ref.registry, ref.repository, {}};
  }
  return listed.size();
}

Result<std::size_t> CheckTotals(FsckWork& work) {
  const auto listed = TRY(
      work.store.Read([&](metadata::sql::Session& session) { return metadata::ListRegistryUsage(session); }));
  std::size_t looked_at = 0;
  for (const metadata::NamedRegistryUsage& entry : listed) {
    const std::int64_t registry = entry.registry;
    if (registry <= work.position.registry) continue;
    TRY(Compare<metadata::RegistryUsage>(
        work, entry.name.account.str() + " " + entry.name.region.str(), "totals_do_not_add_up",
        [registry](metadata::sql::Session& session) {
          return metadata::FindRegistryUsage(session, registry);
        },
        [registry](metadata::sql::Session& session) {
          return metadata::CountRegistryUsage(session, registry);
        },
        [registry](metadata::WriteTransaction& transaction, const metadata::RegistryUsage& usage) {
          return metadata::SetRegistryUsage(transaction, registry, usage);
        }));
    work.position.registry = registry;
    ++looked_at;
  }
  return looked_at;
}

}  // namespace entrepot::registry

#include "registry/account_settings.h"

#include <algorithm>
#include <array>
#include <span>

#include "metadata/registry_settings.h"

namespace entrepot::registry {
namespace {

constexpr std::string_view kOn = "ENABLED", kOff = "DISABLED";

struct Setting {
  std::string_view name;
  std::array<std::string_view, 2> values;  // the first holds while nothing was set
};
constexpr Setting kSettings[] = {
    {"BASIC_SCAN_TYPE_VERSION", {"AWS_NATIVE", "CLAIR"}},
    {metadata::kBlobMounting, {kOn, kOff}},
    {metadata::kRegistryPolicyScope, {"V2", "V1"}},
};

// "[A, B]"
template <class List, class Projection>
std::string InBrackets(const List& list, Projection projection) {
  std::string text;
  for (const auto& entry : list)
    text.append(text.empty() ? "[" : ", ").append(std::invoke(projection, entry));
  return text + "]";
}

std::unexpected<Error> Refused(std::string_view parameter, std::string allowed) {
  return Fail(Error(ErrorCode::kInvalidParameter)
                  .With("parameter", std::string(parameter))
                  .With("constraint", "Member must satisfy enum value set: " + std::move(allowed)));
}

Result<const Setting*> Find(std::string_view name) {
  const auto* found = std::ranges::find(kSettings, name, &Setting::name);
  if (found == std::end(kSettings)) return Refused("name", InBrackets(kSettings, &Setting::name));
  return found;
}

}  // namespace

Result<std::string> AccountSettings::Get(const RegistryName& registry, std::string_view name) {
  const Setting* setting = TRY(Find(name));
  const auto value = TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::FindAccountSetting(session, registry, name);
  }));
  if (value) return *value;
  if (name == metadata::kBlobMounting && !mounting_) return std::string(kOff);
  return std::string(setting->values.front());
}

Result<> AccountSettings::Put(const RegistryName& registry, std::string_view name, std::string_view value) {
  const Setting* setting = TRY(Find(name));
  if (std::ranges::find(setting->values, value) == setting->values.end())
    return Refused("value", InBrackets(setting->values, std::identity()));
  return store_.Write([&](metadata::WriteTransaction& transaction) {
    return metadata::PutAccountSetting(transaction, registry, name, value);
  });
}

Result<bool> AccountSettings::MayMount(const RegistryName& registry) {
  const std::uint64_t version = metadata::AccountSettingsVersion(registry);
  const std::string key = registry.account.str() + ' ' + registry.region.str();
  if (const auto known = may_mount_.Get(version, key, store_.versions())) return *known;
  const metadata::Seen seen(store_.versions(), version);
  const bool may = TRY(Get(registry, metadata::kBlobMounting)) == kOn;
  may_mount_.Put(version, key, seen, std::make_shared<const bool>(may), sizeof(bool));
  return may;
}

}  // namespace entrepot::registry

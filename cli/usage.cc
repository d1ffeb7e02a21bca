// `entrepot usage`: what is stored, and by whom.

#include <ostream>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/store_holder.h"

namespace entrepot::cli {
namespace {

using boost::json::object;

std::string RegistryText(const object& entry) {
  return fmt::format("{} {}: {} bytes in {} blobs, every one counted once\n", Text(entry, "account"),
                     Text(entry, "region"), Number(entry, "bytes"), Number(entry, "blobs"));
}

std::string RepositoryText(const object& entry) {
  return fmt::format("{} {} {}: {} bytes unique, {} shared, {} archived, {} images\n", Text(entry, "account"),
                     Text(entry, "region"), Text(entry, "repository"), Number(entry, "unique_bytes"),
                     Number(entry, "shared_bytes"), Number(entry, "archived_bytes"),
                     Number(entry, "manifests"));
}

}  // namespace

// One line each, a page at a time: there may be very many.
Result<int> Usage(const Invocation& invocation, const Surroundings& surroundings) {
  const StoreHolder store = TRY(StoreHolder::Find(invocation, surroundings));
  const auto print = [&](const boost::json::value& entry, std::string (*text)(const object&)) {
    surroundings.out << (invocation.json ? boost::json::serialize(entry) + "\n" : text(entry.as_object()));
  };
  const object totals = TRY(store.Ask("usage registries"));
  for (const boost::json::value& entry : totals.at("registries").as_array()) print(entry, RegistryText);
  object arguments;
  for (bool more = true; more;) {
    const object page = TRY(store.Ask("usage repositories", arguments));
    for (const boost::json::value& entry : page.at("repositories").as_array()) print(entry, RepositoryText);
    more = page.at("more").as_bool();
    if (more) arguments = {{"registry", page.at("registry")}, {"after", page.at("after")}};
  }
  return kSucceeded;
}

}  // namespace entrepot::cli

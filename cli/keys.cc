// `entrepot keys rotate-root`: a new root key.

#include <ostream>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/store_holder.h"

namespace entrepot::cli {

Result<int> RotateRoot(const Invocation& invocation, const Surroundings& surroundings) {
  const StoreHolder store = TRY(StoreHolder::Find(invocation, surroundings));
  const boost::json::object answer = TRY(store.Ask("keys rotate-root"));
  if (invocation.json) {
    surroundings.out << boost::json::serialize(answer) << '\n';
    return kSucceeded;
  }
  surroundings.out << fmt::format(
      "The root key is now {}; {} keys and secrets were sealed anew, read back, and the old root key "
      "removed.\n"
      "Keep a copy of {} elsewhere. Backups of the database made before need the copy of the old one.\n",
      std::string_view(answer.at("root_key").as_string()), answer.at("sealed_anew").to_number<std::int64_t>(),
      std::string_view(answer.at("directory").as_string()));
  return kSucceeded;
}

}  // namespace entrepot::cli

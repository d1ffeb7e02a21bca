#include "server/rotate_root_command.h"

#include "base/log.h"
#include "server/root_rotation.h"

namespace entrepot::server {

Result<boost::json::object> RotateRoot(const DataLayout& layout, Foundation& foundation) {
  const std::string directory = layout.keys().string();
  const RootRotation done =
      TRY(RotateRoot(*foundation.files, directory, *foundation.store, *foundation.seals));
  log::Info("the root key was replaced", {{"root_key", done.root_key}, {"sealed_anew", done.sealed_anew}});
  return boost::json::object{
      {"root_key", done.root_key}, {"sealed_anew", done.sealed_anew}, {"directory", directory}};
}

}  // namespace entrepot::server

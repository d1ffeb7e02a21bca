#include "server/reset_credentials.h"

#include "server/credentials_file.h"

namespace entrepot::server {

Result<boost::json::object> ResetCredentials(const DataLayout& layout,
                                             const std::function<Result<access::AccessKey>()>& reset) {
  const access::AccessKey key = TRY(reset());
  TRY(WriteCredentials(layout, key));
  return boost::json::object{{"access_key_id", key.id}, {"credentials", layout.credentials().string()}};
}

}  // namespace entrepot::server

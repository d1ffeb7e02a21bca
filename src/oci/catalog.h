#pragma once

// The catalog: a registry's repositories in the order of their names, but for those that the caller may not
// describe, of which nothing shows. Blocks on the store.

#include <string>
#include <vector>

#include "oci/call.h"

namespace entrepot::oci {

struct CatalogPage {
  std::vector<std::string> names;
  std::string next;  // `last` of the page behind it; "" = there is none
};

/// The page that the call asks for. It looks at a bounded number of repositories (design-access 15): where
/// very many are hidden it comes out short, with more behind it. kInvalidPageToken.
Result<CatalogPage> ReadCatalog(const Rooms& rooms, const Call& call);

}  // namespace entrepot::oci

#pragma once

// Whom a statement of a resource policy names.

#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "base/result.h"

namespace entrepot::access {

class PrincipalSet {
 public:
  /// The value of a Principal or NotPrincipal element: "*", or an object of lists by type. A principal that
  /// does not exist is taken when it is well formed (design-access 8).
  static Result<PrincipalSet> Parse(const boost::json::value& principal);

  enum class Match {
    kNone,
    kAccount,  // its account: in the same account that leaves the decision to identity policies
               // (design-access 7c)
    kDirect,   // everyone, or this very principal
  };
  Match Names(std::string_view arn, std::string_view unique_id, std::string_view account) const;
  /// Whom a NotPrincipal leaves out: everyone, or whoever is named together with its account, as IAM asks;
  /// the account alone leaves out its root user.
  bool Excepts(std::string_view arn, std::string_view unique_id, std::string_view account) const;

 private:
  Result<> AddAws(std::string_view text);

  bool everyone_ = false;
  std::vector<std::string> accounts_;
  std::vector<std::string> arns_, unique_ids_;
};

}  // namespace entrepot::access

#pragma once

// How /v2/ words a failure: one row per ErrorCode with the OCI code, the status and the text
// (ecr-semantics 2.2).

#include <string_view>

#include "base/error.h"
#include "http/response.h"

namespace entrepot::oci {

struct ErrorRow {
  ErrorCode code;
  std::string_view oci_code;
  int status;
  std::string_view wording;  // {fact} is filled in
};

/// The row of an error. Total: a test holds that every code has one.
const ErrorRow& RowFor(const Error& error);

/// The answer: `{"errors":[{"code","message","detail"}]}` and a newline, with the header fields that the
/// failure itself calls for (Retry-After, Allow, Content-Range). What the environment did wrong is not told
/// to the client.
http::Response ErrorResponse(const Error& error);

/// The 401 of ECR with its challenge. `host` is a checked Host value.
http::Response Challenge(std::string_view host, bool tls);

}  // namespace entrepot::oci

#pragma once

// Errors as AWS words them: one row for each ErrorCode, with its name and status in both protocols and its
// wording (ecr-semantics 2.4, 3.3, 3.4). The rest of the tree knows codes and facts only.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace entrepot::aws {

enum class Protocol : std::uint8_t { kJson, kQuery };

/// The HTTP status of authentication and authorization errors in the JSON services: captures of ECR show 400,
/// the documents say 403 (ecr-semantics 2.4). SDKs go by the code.
enum class JsonAuthStatus : std::uint8_t { kCaptured, kDocumented };

/// How a fact becomes a member of a JSON error, beside __type and message.
struct ErrorMember {
  enum class Form : std::uint8_t { kText, kLastOfCount };  // the index of the last of so many bytes
  std::string_view name;
  std::string_view fact;
  Form form = Form::kText;
};

struct ErrorRow {
  ErrorCode code{};
  std::string_view json_name;
  int json_status = 400;
  std::string_view query_name;
  int query_status = 400;
  std::string_view wording;             // {fact} is replaced, {{ and }} are braces
  int documented_status = 0;            // JsonAuthStatus::kDocumented, where it differs
  std::string_view query_wording = {};  // where it differs
  std::span<const ErrorMember> members = {};
};

/// The row of every code, in the order of ErrorCode.
std::span<const ErrorRow> ErrorRows();

/// An error as a client gets it.
struct ErrorAnswer {
  std::string_view name;
  int status = 400;
  std::string message;
  std::vector<std::pair<std::string_view, std::string>> members;  // values as JSON text
};

/// By the service's own row when `overrides` has one for the code.
ErrorAnswer Describe(const Error& error, Protocol protocol, std::span<const ErrorRow> overrides = {},
                     JsonAuthStatus auth_status = JsonAuthStatus::kCaptured);

std::string WriteJsonError(const ErrorAnswer& answer);
/// `xml_namespace` is the service's, or kFaultNamespace before a service was found.
std::string WriteXmlError(const ErrorAnswer& answer, std::string_view xml_namespace,
                          std::string_view request_id);

inline constexpr std::string_view kFaultNamespace = "http://webservices.amazon.com/AWSFault/2005-15-09";

}  // namespace entrepot::aws

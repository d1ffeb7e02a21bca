#pragma once

// An AWS API as a table. A service makes one row for each operation it serves: what the model says, the IAM
// action, how to find what the caller must be allowed to act on, and the function. The door (door.h) does
// everything else.
//
//   aws::Service EcrService(Ecr& ecr) {
//     return {.model = &model::kService, .protocol = aws::Protocol::kJson, .operations = {
//       aws::Row(ecr, model::kDescribeImages, &DescribeImages, "ecr:DescribeImages", OnRepository), … }};
//   }

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "access/access.h"
#include "aws/errors.h"
#include "aws/shape.h"
#include "base/clock.h"
#include "base/names.h"
#include "base/result.h"

namespace entrepot::aws {

/// The facts of one call, and nothing else: services get what they work with from their own constructor.
struct CallContext {
  std::string request_id;
  AccountId account;  // the caller's
  Region region;      // of the credential scope
  std::string_view service;
  access::CallerPtr caller;
  std::string host;  // as the client used it, of a valid form: for URIs of this answer only (design-access 4)
  std::string_view scheme;  // http or https, as really served
  Timestamp now;
  access::RequestFacts facts;  // with the condition keys of the row's Ask
};

/// What a call must be allowed to act on: the caller needs the row's action on every one of them.
struct Ask {
  std::vector<std::string> resources;                     // ARNs, or "*"
  std::vector<std::pair<std::string, std::string>> keys;  // more condition keys, as in access::RequestFacts
};

/// The Ask of operations on no resource in particular.
inline constexpr auto kOnAnything = [](const CallContext&, const auto&) { return Ask{{"*"}, {}}; };

struct Operation {
  const OperationModel* model = nullptr;
  std::string_view action;  // "" = every authenticated caller may (RowWithoutPermission)
  bool presigned = false;   // may be signed by query (design-access 5)
  std::function<Ask(const CallContext&, const void* request)> ask;
  std::function<Result<std::shared_ptr<const void>>(const CallContext&, const void* request)> run;
};

namespace internal {

template <class Self, class Request, class Response>
Operation Bind(Self& self, const TypedOperationModel<Request, Response>& model,
               Result<Response> (*function)(Self&, const CallContext&, const Request&)) {
  return {
      .model = &model,
      .run = [&self, function](const CallContext& call,
                               const void* request) -> Result<std::shared_ptr<const void>> {
        return std::make_shared<const Response>(
            TRY(function(self, call, *static_cast<const Request*>(request))));
      },
  };
}

}  // namespace internal

/// `ask` is called with the CallContext and the typed, valid request, and returns an Ask. `self` outlives the
/// row.
template <class Self, class Request, class Response, class AskFunction>
Operation Row(Self& self, const TypedOperationModel<Request, Response>& model,
              Result<Response> (*function)(Self&, const CallContext&, const Request&),
              std::string_view action, AskFunction ask) {
  Operation row = internal::Bind(self, model, function);
  row.action = action;
  row.ask = [ask](const CallContext& call, const void* request) -> Ask {
    return ask(call, *static_cast<const Request*>(request));
  };
  return row;
}

/// For what AWS answers to every authenticated caller, whatever its policies say.
template <class Self, class Request, class Response>
Operation RowWithoutPermission(Self& self, const TypedOperationModel<Request, Response>& model,
                               Result<Response> (*function)(Self&, const CallContext&, const Request&)) {
  return internal::Bind(self, model, function);
}

/// A modelled operation that is not served, and why. To clients it is an unknown one.
struct NotServed {
  std::string_view operation;
  std::string_view reason;
};

struct Service {
  const ServiceModel* model = nullptr;
  Protocol protocol = Protocol::kJson;
  bool global = false;  // one for all regions: any region's scope is right
  std::vector<Operation> operations;
  std::span<const NotServed> not_served;
  std::span<const ErrorRow> errors;  // rows that replace those of errors.cc for this service
};

/// What is wrong with a service's table, one sentence each: a modelled operation with neither a row nor a
/// reason, one with both, a row or a reason twice, a reason for what is not modelled, an action without its
/// service's prefix. Every service has a test that this is empty.
std::vector<std::string> FaultsOf(const Service& service);

/// The longest body that a valid request of an operation can have, with room for its encoding.
std::uint64_t BodyLimit(const Operation& operation, Protocol protocol);

}  // namespace entrepot::aws

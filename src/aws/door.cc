#include "aws/door.h"

#include <algorithm>

#include "access/registry_host.h"
#include "aws/decode.h"
#include "aws/json_codec.h"
#include "aws/query_codec.h"
#include "aws/text.h"
#include "aws/validate.h"
#include "base/check.h"
#include "base/ids.h"

namespace entrepot::aws {
namespace {

// A body that no row asks for is read only to be refused politely.
constexpr std::uint64_t kUnaskedBody = 16 * 1024;
constexpr std::uint64_t kFormBody = 1 << 20;
constexpr std::size_t kLoggedName = 128;

std::string ActionKey(std::string_view version, std::string_view action) {
  return std::string(version).append("/").append(action);
}

bool IsForm(const http::RequestHead& head) {
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  const std::string_view type = head.Header("Content-Type");
  return http::EqualsIgnoreCase(type.substr(0, std::min(type.find_first_of("; "), type.size())), kForm);
}

// What a request looks like before a row is found for it: a target makes it JSON, as does the absence of a
// form.
Protocol ProtocolOf(const http::RequestHead& head) {
  if (head.HasHeader("X-Amz-Target")) return Protocol::kJson;
  return IsForm(head) || head.query.find("Action=") != head.query.npos ? Protocol::kQuery : Protocol::kJson;
}

Error UnknownOperation(std::string_view operation, std::string_view version) {
  return Error(ErrorCode::kUnknownOperation)
      .With("operation", Abridged(operation, kLoggedName))
      .With("version", version.empty() ? "NO_VERSION_SPECIFIED" : Abridged(version, kLoggedName));
}

}  // namespace

struct AwsDoor::Entry {
  const Service* service;
  const Operation* row;
  ValidationStyle style;
  std::uint64_t body_limit;
  OperationMetrics metrics;
};

struct AwsDoor::Exchange {
  const http::RequestHead& head;
  std::string& body;
  Protocol protocol;
  std::string request_id = NewUuid();
  Timestamp started;
  std::chrono::microseconds origin;    // of the elapsed time
  Form form = {};                      // query protocol
  Entry* entry = nullptr;              // set by Find
  access::CallerPtr caller = nullptr;  // set by Authenticate, for the audit line
  std::string region = {};
  std::string resource = {};  // the first that leave was asked for
};

AwsDoor::AwsDoor(access::Access& access, const Clock& clock, std::vector<Service> services,
                 DoorOptions options)
    : access_(access), clock_(clock), options_(std::move(options)), services_(std::move(services)) {
  for (const Service& service : services_) {
    for (const Operation& row : service.operations) {
      const bool json = service.protocol == Protocol::kJson;
      PrepareExpressions(*row.model->input);
      auto entry = std::make_unique<Entry>(&service, &row,
                                           json ? StyleOf(*row.model) : ValidationStyle::kQueryValidation,
                                           BodyLimit(row, service.protocol));
      const bool fresh =
          entries_
              .emplace(json ? std::string(service.model->target_prefix) + "." + std::string(row.model->name)
                            : ActionKey(service.model->version, row.model->name),
                       std::move(entry))
              .second;
      CHECK(fresh);
    }
  }
}

AwsDoor::~AwsDoor() = default;

http::Response AwsDoor::Serve(const http::RequestHead& head, std::string body) {
  Exchange exchange{.head = head,
                    .body = body,
                    .protocol = ProtocolOf(head),
                    .started = clock_.Now(),
                    .origin = clock_.Elapsed()};
  Result<std::string> answer = Answer(exchange);
  http::Response response = Envelope(exchange, answer);
  Record(exchange, response.status, answer ? nullptr : &answer.error());
  return response;
}

Result<std::string> AwsDoor::Answer(Exchange& exchange) {
  TRY(Find(exchange));
  const Operation& row = *exchange.entry->row;
  CallContext call = TRY(Authenticate(exchange));
  exchange.caller = call.caller;
  exchange.region = call.region.str();

  const std::shared_ptr<void> request = row.model->new_request();
  {
    const Document document =
        TRY(exchange.protocol == Protocol::kJson ? ReadJson(exchange.body)
                                                 : ReadParameters(*row.model->input, exchange.form));
    TRY(Decode(*row.model->input, document.root(), request.get()));
    TRY(Validate(*row.model->input, document.root(), exchange.entry->style));
  }
  exchange.body = {};  // the request has what it needs of it

  TRY(Authorize(exchange, call, request.get()));
  const std::shared_ptr<const void> response = TRY(row.run(call, request.get()));
  return exchange.protocol == Protocol::kJson
             ? WriteJson(*row.model->output, response.get())
             : WriteXml(*row.model, exchange.entry->service->model->xml_namespace, response.get(),
                        exchange.request_id);
}

// ---- find

Result<> AwsDoor::Find(Exchange& exchange) const {
  return exchange.protocol == Protocol::kJson ? FindByTarget(exchange) : FindByAction(exchange);
}

Result<> AwsDoor::FindByTarget(Exchange& exchange) const {
  const std::string_view target = exchange.head.Header("X-Amz-Target");
  const auto found = entries_.find(std::string(target));
  if (exchange.head.method != http::Method::kPost || found == entries_.end() ||
      found->second->service->protocol != Protocol::kJson)
    return Fail(UnknownOperation(target, {}));
  exchange.entry = found->second.get();
  return {};
}

Result<> AwsDoor::FindByAction(Exchange& exchange) const {
  TRY(ReadForm(exchange.head.query, exchange.form));
  if (exchange.head.method == http::Method::kPost && IsForm(exchange.head))
    TRY(ReadForm(exchange.body, exchange.form));
  const std::string& action = exchange.form["Action"];
  const std::string& version = exchange.form["Version"];
  const auto found = entries_.find(ActionKey(version, action));
  if (found == entries_.end() || found->second->service->protocol != Protocol::kQuery)
    return Fail(UnknownOperation(action, version));
  exchange.entry = found->second.get();
  return {};
}

// ---- authenticate, authorize

Result<CallContext> AwsDoor::Authenticate(const Exchange& exchange) {
  const http::RequestHead& head = exchange.head;
  const Service& service = *exchange.entry->service;
  const bool presigned = exchange.entry->row->presigned && exchange.form.contains("X-Amz-Signature");
  access::SignedCaller signed_by = TRY(access_.AuthenticateSigned(
      head, exchange.body, {.service = service.model->signing_name, .query_form = presigned}));
  const bool served = options_.regions.empty() || service.global ||
                      std::ranges::find(options_.regions, signed_by.region) != options_.regions.end();
  if (!served) return Fail(ErrorCode::kCredentialScope, "Credential should be scoped to a valid region. ");
  access::RegistryHost host = TRY(access::ParseRegistryHost(head.host, options_.domain));
  return CallContext{
      .request_id = exchange.request_id,
      .account = signed_by.caller->account,
      .region = std::move(signed_by.region),
      .service = service.model->signing_name,
      .caller = std::move(signed_by.caller),
      .host = std::move(host.text),
      .scheme = head.peer && head.peer->tls ? "https" : "http",
      .now = exchange.started,
      .facts = access::FactsOf(head, exchange.started),
  };
}

Result<> AwsDoor::Authorize(Exchange& exchange, CallContext& call, const void* request) {
  const Operation& row = *exchange.entry->row;
  if (row.action.empty()) return {};
  Ask ask = row.ask(call, request);
  CHECK(!ask.resources.empty());
  exchange.resource = ask.resources.front();
  std::ranges::move(ask.keys, std::back_inserter(call.facts.keys));
  for (const std::string& resource : ask.resources)
    TRY(access_.Authorize(*call.caller, row.action, resource, call.facts));
  return {};
}

// ---- encode

http::Response AwsDoor::Envelope(const Exchange& exchange, Result<std::string>& answer) const {
  const bool json = exchange.protocol == Protocol::kJson;
  http::Response response;
  response.Add("x-amzn-RequestId", exchange.request_id);
  response.Add("Content-Type", json ? "application/x-amz-json-1.1" : "text/xml");
  response.Add("X-Content-Type-Options", "nosniff");
  response.Add("Cache-Control", "no-store");
  if (answer) {
    response.body = std::move(*answer);
    return response;
  }
  const Service* service = exchange.entry ? exchange.entry->service : nullptr;
  const ErrorAnswer error =
      Describe(answer.error(), exchange.protocol, service ? service->errors : std::span<const ErrorRow>(),
               options_.json_auth_status);
  response.status = error.status;
  if (error.status == 503) response.Add("Retry-After", "1");
  if (json) response.Add("x-amzn-ErrorType", error.name);
  response.body = json ? WriteJsonError(error)
                       : WriteXmlError(error, service ? service->model->xml_namespace : kFaultNamespace,
                                       exchange.request_id);
  return response;
}

// ---- log and count

void AwsDoor::Record(const Exchange& exchange, int status, const Error* error) {
  const auto took = clock_.Elapsed() - exchange.origin;
  (exchange.entry ? exchange.entry->metrics : unknown_).Count(status, took);
  if (options_.audit == nullptr) return;
  const http::Peer* peer = exchange.head.peer;
  options_.audit->Write(
      {.door = "aws",
       .service = exchange.entry ? exchange.entry->service->model->signing_name : std::string_view(),
       .operation = exchange.entry ? exchange.entry->row->model->name : std::string_view("unknown"),
       .request_id = exchange.request_id,
       .principal = exchange.caller ? exchange.caller->arn : "",
       .access_key_id = exchange.caller ? exchange.caller->access_key_id : "",
       .region = exchange.region,
       .resource = exchange.resource,
       .source_ip = peer ? peer->address : "",
       .status = status,
       .error = error ? error->ToString() : "",
       .took = took,
       .refused = error && (!exchange.caller || error->code() == ErrorCode::kAccessDenied)});
}

void AwsDoor::VisitMetrics(
    const std::function<void(std::string_view, std::string_view, const OperationMetrics&)>& visitor) const {
  for (const auto& [key, entry] : entries_)
    visitor(entry->service->model->signing_name, entry->row->model->name, entry->metrics);
  visitor("", "unknown", unknown_);
}

// ---- before the body, and without it

http::BodyPlan AwsDoor::PlanBody(const http::RequestHead& head) const {
  // Without a signature nothing long is worth receiving (design-access 15).
  if (!head.Header("Authorization").starts_with("AWS4-HMAC-SHA256")) return {.buffer_up_to = kUnaskedBody};
  if (ProtocolOf(head) == Protocol::kQuery) return {.buffer_up_to = kFormBody};
  const auto found = entries_.find(std::string(head.Header("X-Amz-Target")));
  return {.buffer_up_to = found == entries_.end() ? kUnaskedBody : found->second->body_limit,
          .check_head = true};
}

// A signature covers the body's hash, so that nothing is proven before the body has come: first whoever sends
// much of it must at least claim a key that is good, now, for this service.
std::optional<http::Response> AwsDoor::CheckHead(const http::RequestHead& head) {
  std::string no_body;
  Exchange exchange{.head = head,
                    .body = no_body,
                    .protocol = ProtocolOf(head),
                    .started = clock_.Now(),
                    .origin = clock_.Elapsed()};
  const auto check = [&]() -> Result<std::string> {
    TRY(Find(exchange));
    TRY(access_.CheckClaim(head, {.service = exchange.entry->service->model->signing_name}));
    return "";
  };
  Result<std::string> claim = check();
  if (claim) return std::nullopt;
  http::Response response = Envelope(exchange, claim);
  Record(exchange, response.status, &claim.error());
  return response;
}

http::Response AwsDoor::Refuse(const http::RequestHead& head, http::Refusal why) const {
  std::string no_body;
  Exchange exchange{.head = head, .body = no_body, .protocol = ProtocolOf(head), .started = {}, .origin = {}};
  const bool too_large = why == http::Refusal::kBodyTooLarge;
  Result<std::string> refusal = Fail(too_large ? ErrorCode::kRequestTooLarge : ErrorCode::kUnavailable);
  return Envelope(exchange, refusal);
}

}  // namespace entrepot::aws

#include "aws/operation.h"

#include <algorithm>
#include <map>

namespace entrepot::aws {
namespace {

constexpr std::uint64_t kOrdinaryBody = 1 << 20;
constexpr std::int64_t kLargeValue = 64 * 1024;

// How much of a body a large value can take: blobs in base64, text with its quotes and line ends escaped.
std::uint64_t EncodedLength(const Shape& shape) {
  if (shape.maximum == kNoMaximum || shape.maximum < kLargeValue) return 0;
  const auto maximum = static_cast<std::uint64_t>(shape.maximum);
  if (shape.kind == Kind::kBlob) return (maximum + 2) / 3 * 4;
  return shape.kind == Kind::kString ? 2 * maximum : 0;
}

}  // namespace

bool OperationModel::Declares(std::string_view error) const {
  return std::ranges::find(errors, error) != errors.end();
}

std::vector<std::string> FaultsOf(const Service& service) {
  std::map<std::string_view, int> rows, reasons;
  std::vector<std::string> faults;
  const auto fault = [&](std::string_view operation, std::string_view what) {
    faults.push_back(std::string(operation) + " " + std::string(what));
  };
  for (const Operation& row : service.operations) {
    if (++rows[row.model->name] == 2) fault(row.model->name, "has two rows");
    const std::string prefix = std::string(service.model->signing_name) + ":";
    if (!row.action.empty() && !row.action.starts_with(prefix))
      fault(row.model->name, "has another service's action");
  }
  for (const NotServed& entry : service.not_served) {
    if (++reasons[entry.operation] == 2) fault(entry.operation, "is listed twice as not served");
    if (entry.reason.empty()) fault(entry.operation, "is not served for no reason");
  }
  for (const OperationModel* model : service.model->operations) {
    const bool served = rows.contains(model->name), refused = reasons.erase(model->name) > 0;
    if (served && refused) fault(model->name, "has a row and is listed as not served");
    if (!served && !refused) fault(model->name, "has neither a row nor a reason why not");
    rows.erase(model->name);
  }
  for (const auto& [name, count] : rows) fault(name, "has a row and is not in the model");
  for (const auto& [name, count] : reasons) fault(name, "is listed as not served and is not in the model");
  return faults;
}

std::uint64_t BodyLimit(const Operation& operation, Protocol protocol) {
  std::uint64_t large = 0;
  if (protocol == Protocol::kJson)
    for (const Member& member : operation.model->input->members) large += EncodedLength(*member.shape);
  return kOrdinaryBody + large;
}

}  // namespace entrepot::aws

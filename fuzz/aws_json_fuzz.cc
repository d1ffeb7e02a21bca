// A line that picks an operation of ECR, then a JSON body: reading, decoding and validating it must not
// crash, and what was read must be written and read again as the same text.

#include <cstdint>
#include <string>

#include "aws/decode.h"
#include "aws/json_codec.h"
#include "aws/validate.h"
#include "base/check.h"
#include "services/ecr/model.gen.h"

namespace {

using namespace entrepot;

// The input as the codec writes it, or nothing when it is not of the shape.
std::string Rewrite(const aws::OperationModel& model, std::string_view body) {
  const Result<aws::Document> document = aws::ReadJson(body);
  if (!document) return {};
  const std::shared_ptr<void> request = model.new_request();
  if (!aws::Decode(*model.input, document->root(), request.get())) return {};
  (void)aws::Validate(*model.input, document->root(), aws::StyleOf(model));
  return aws::WriteJson(*model.input, request.get());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = AsText({data, size});
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view name = input.substr(0, end), body = input.substr(std::min(end + 1, input.size()));
  for (const aws::OperationModel* model : ecr::model::kService.operations) {
    if (model->name != name) continue;
    const std::string once = Rewrite(*model, body);
    if (!once.empty()) CHECK(Rewrite(*model, once) == once);
  }
  return 0;
}

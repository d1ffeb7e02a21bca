// A form, read as the input of each operation of STS: it must not crash, and text that was let in goes back
// into XML.

#include <cstdint>

#include "aws/decode.h"
#include "aws/query_codec.h"
#include "aws/validate.h"
#include "base/check.h"
#include "services/sts/model.gen.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entrepot;
  aws::Form form;
  if (!aws::ReadForm(AsText({data, size}), form)) return 0;
  for (const aws::OperationModel* model : sts::model::kService.operations) {
    const Result<aws::Document> document = aws::ReadParameters(*model->input, form);
    if (!document) continue;
    const std::shared_ptr<void> request = model->new_request();
    if (!aws::Decode(*model->input, document->root(), request.get())) continue;
    (void)aws::Validate(*model->input, document->root(), aws::ValidationStyle::kQueryValidation);
    aws::OperationModel echo = *model;
    echo.output = model->input;
    CHECK(!aws::WriteXml(echo, "urn:x", request.get(), "id").empty());
  }
  return 0;
}

#pragma once

// AWS JSON 1.1 (ecr-semantics 3.1).

#include <string>
#include <string_view>

#include "aws/document.h"
#include "aws/shape.h"
#include "base/result.h"

namespace entrepot::aws {

/// The body of a request; an empty one is {}. `text` outlives the document. kMalformedRequest otherwise.
Result<Document> ReadJson(std::string_view text);

/// A struct as a JSON object: absent members are left out, empty lists are [], blobs base64, times seconds
/// since 1970 with milliseconds.
std::string WriteJson(const Shape& shape, const void* structure);

/// Text with its quotes.
void AppendJsonText(std::string& out, std::string_view text);

}  // namespace entrepot::aws

#pragma once

// The AWS query protocol: parameters of a form in, XML out (ecr-semantics 3.2).

#include <map>
#include <string>
#include <string_view>

#include "aws/document.h"
#include "aws/operation.h"
#include "aws/shape.h"
#include "base/result.h"

namespace entrepot::aws {

/// Parameters by name; of several with one name the last counts.
using Form = std::map<std::string, std::string, std::less<>>;

/// Of a URL's query, or a body of application/x-www-form-urlencoded: adds to `form`. kMalformedRequest for
/// bad percent-encoding and for text that XML cannot carry back.
Result<> ReadForm(std::string_view encoded, Form& form);

/// The tree of a shape's parameters (Tags.member.1.Key). `form` outlives the document.
Result<Document> ReadParameters(const Shape& shape, const Form& form);

/// <XResponse><XResult>…</XResult><ResponseMetadata>…
std::string WriteXml(const OperationModel& model, std::string_view xml_namespace, const void* structure,
                     std::string_view request_id);

}  // namespace entrepot::aws

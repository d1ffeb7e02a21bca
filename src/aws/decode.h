#pragma once

// From the tree of a request to its generated struct. A null member is an absent one; what the shape does not
// name is ignored; what is missing keeps its default, for the validator to report.

#include "aws/document.h"
#include "aws/shape.h"
#include "base/result.h"

namespace entrepot::aws {

/// Fills a fresh struct of the shape. kMalformedRequest with AWS's text when a value is of another type than
/// the shape's (ecr-semantics 3.1).
Result<> Decode(const Shape& shape, const Node& node, void* structure);

}  // namespace entrepot::aws

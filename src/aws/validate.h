#pragma once

// What a model demands of a request beyond its types: required members, lengths, ranges, expressions and
// enumerations.

#include <cstdint>

#include "aws/document.h"
#include "aws/shape.h"
#include "base/result.h"

namespace entrepot::aws {

/// How a violation is worded (ecr-semantics 3.3).
enum class ValidationStyle : std::uint8_t {
  kInvalidParameter,  // family A, ECR's older operations: the first violation alone
  kValidation,        // family B, the ordinary one: all of them in one sentence
  kQueryValidation,   // the same with members spelt repositoryName for RepositoryName, as query services do
};

/// The style of an operation: kInvalidParameter where its model knows no ValidationException.
ValidationStyle StyleOf(const OperationModel& model);

/// Of a tree that was decoded by the same shape. kInvalidParameter or kValidation by the style.
Result<> Validate(const Shape& shape, const Node& node, ValidationStyle style);

/// Compiles every expression of a shape, so that one that RE2 does not know stops the start and not a
/// request.
void PrepareExpressions(const Shape& shape);

}  // namespace entrepot::aws

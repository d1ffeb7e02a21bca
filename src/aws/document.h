#pragma once

// A request's input before it has types: the tree that JSON and form bodies have in common. The validator and
// the decoder read it; unescaped text is not copied, so the part of a layer that comes in base64 is held
// once.

#include <cstdint>
#include <deque>
#include <memory>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace entrepot::aws {

enum class NodeKind : std::uint8_t { kNull, kText, kInteger, kDouble, kTrue, kFalse, kList, kObject };

struct Node {
  NodeKind kind = NodeKind::kNull;
  std::string_view name;                 // in an object
  std::string_view text;                 // kText
  std::int64_t integer = 0;              // kInteger
  double number = 0;                     // kDouble
  std::pmr::vector<Node> children = {};  // kList, kObject

  /// The member of that name that was written last, or nullptr when there is none or it is null.
  const Node* Find(std::string_view member) const;
};

/// Owns the nodes and what they do not find in the text they were read from; that text outlives the document.
class Document {
 public:
  /// The limits of one document: depth, and nodes (a node takes far more memory than the `0,` it may stand
  /// for).
  static constexpr int kMaxDepth = 32;
  static constexpr std::size_t kMaxNodes = 50'000;

  Document() : arena_(std::make_unique<std::pmr::monotonic_buffer_resource>(4096)) {}

  const Node& root() const { return *root_; }
  Node& root() { return *root_; }

  /// A node to put into a parent's children.
  Node NewNode(NodeKind kind, std::string_view name = {}) const;
  /// Keeps a copy of a text that is not in the input as it stands.
  std::string_view Keep(std::string_view text);
  /// False once the document has too many.
  bool CountNode() { return ++nodes_ <= kMaxNodes; }

 private:
  std::unique_ptr<std::pmr::monotonic_buffer_resource> arena_;
  std::unique_ptr<Node> root_ = std::make_unique<Node>(NewNode(NodeKind::kObject));
  std::size_t nodes_ = 0;
};

}  // namespace entrepot::aws

#include "aws/document.h"

#include <cstring>
#include <ranges>

namespace entrepot::aws {

const Node* Node::Find(std::string_view member) const {
  for (const Node& child : std::views::reverse(children))
    if (child.name == member) return child.kind == NodeKind::kNull ? nullptr : &child;
  return nullptr;
}

Node Document::NewNode(NodeKind kind, std::string_view name) const {
  return {.kind = kind, .name = name, .children = std::pmr::vector<Node>(arena_.get())};
}

std::string_view Document::Keep(std::string_view text) {
  if (text.empty()) return {};
  char* copy = static_cast<char*>(arena_->allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return {copy, text.size()};
}

}  // namespace entrepot::aws

#include "CTOML.h"

#include <string_view>

namespace {

// Where toml++ is wrong about what cannot be.
struct broken_promise {};

// What toml++ asserts is not always so: version 3.3, Debian's, ends the process at the header `[[[a]]]`, whose error the
// code behind that assertion would have told. Any other one makes the document a wrong one. (With NDEBUG they would be
// assumptions of the optimiser.)
inline void ctoml_check(bool holds, std::string_view promise) {
    if (!holds && promise != "is_bare_key_character(*cp) || is_string_delimiter(*cp)") throw broken_promise{};
}

}  // namespace

#undef NDEBUG
#define TOML_ASSERT(expr) ctoml_check(static_cast<bool>(expr), #expr)
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace {

void visit(const toml::node &node, const toml::key *key, ctoml_visitor visitor, void *context) {
    ctoml_event e{};
    if (key) {
        e.key = key->str().data();
        e.key_length = key->str().size();
        e.key_line = key->source().begin.line;
        e.key_column = key->source().begin.column;
    }
    e.line = node.source().begin.line;
    e.column = node.source().begin.column;
    if (const auto *table = node.as_table()) {
        e.kind = ctoml_table_begin;
        visitor(context, &e);
        for (auto &&[k, v] : *table) visit(v, &k, visitor, context);
        e.kind = ctoml_table_end;
    } else if (const auto *array = node.as_array()) {
        e.kind = ctoml_array_begin;
        visitor(context, &e);
        for (auto &&v : *array) visit(v, nullptr, visitor, context);
        e.kind = ctoml_array_end;
    } else if (const auto *s = node.as_string()) {
        e.kind = ctoml_string;
        e.text = s->get().data();
        e.text_length = s->get().size();
    } else if (const auto *i = node.as_integer()) {
        e.kind = ctoml_integer;
        e.integer = i->get();
    } else if (const auto *f = node.as_floating_point()) {
        e.kind = ctoml_float;
        e.number = f->get();
    } else if (const auto *b = node.as_boolean()) {
        e.kind = ctoml_boolean;
        e.boolean = b->get();
    } else {
        e.kind = ctoml_other;
    }
    visitor(context, &e);
}

void tell(std::string_view error, toml::source_position at, ctoml_visitor visitor, void *context) {
    ctoml_event e{};
    e.kind = ctoml_error;
    e.text = error.data();
    e.text_length = error.size();
    e.line = at.line;
    e.column = at.column;
    visitor(context, &e);
}

}  // namespace

extern "C" void ctoml_parse(const char *bytes, size_t length, ctoml_visitor visitor, void *context) {
    try {
        toml::parse_result result = toml::parse(std::string_view(bytes, length));
        if (result) {
            visit(result.table(), nullptr, visitor, context);
        } else {
            tell(result.error().description(), result.error().source().begin, visitor, context);
        }
    } catch (const broken_promise &) {
        tell("the parser cannot make sense of it", {1, 1}, visitor, context);
    }
}

#include "CTOML.h"

#define TOML_EXCEPTIONS 0
#include <string_view>
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

}  // namespace

extern "C" void ctoml_parse(const char *bytes, size_t length, ctoml_visitor visitor, void *context) {
    toml::parse_result result = toml::parse(std::string_view(bytes, length));
    if (result) {
        visit(result.table(), nullptr, visitor, context);
        return;
    }
    ctoml_event e{};
    const toml::parse_error &error = result.error();
    e.kind = ctoml_error;
    e.text = error.description().data();
    e.text_length = error.description().size();
    e.line = error.source().begin.line;
    e.column = error.source().begin.column;
    visitor(context, &e);
}

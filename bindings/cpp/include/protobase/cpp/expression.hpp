// expression.hpp - one expression over one value, outside a query.
//
//     auto adult = protobase::expression::parse("age >= $limit").value();
//     adult.evaluate(person, protobase::value::map({{"limit", 18}})).value();       // true
//
// Ownership: an expression is its own; what it gives is a copy. Threads: immutable. Errors: INVALID
// with the place in the text, or for what cannot be computed.
#ifndef PROTOBASE_CPP_EXPRESSION_HPP
#define PROTOBASE_CPP_EXPRESSION_HPP
#include <protobase/cpp/value.hpp>

#include <protobase/expr.h>

namespace protobase
{

class expression
{
  public:
    explicit expression(pbase_expr *raw) : raw_(nullptr, raw)
    {
    }
    [[nodiscard]] static result<expression> parse(std::string_view text)
    {
        return made([&](pbase_expr **out, pbase_error *err) {
            return pbase_expr_parse(nullptr, detail::raw_text(text), out, err);
        });
    }
    // Of its JSON form in plans.
    [[nodiscard]] static result<expression> from_json(const value &json)
    {
        return made([&](pbase_expr **out, pbase_error *err) {
            return pbase_expr_from_value(nullptr, &json.raw(), out, err);
        });
    }
    // That form, lent by the expression.
    [[nodiscard]] view json() const
    {
        return raw_.get() == nullptr ? view() : view(*pbase_expr_value(raw_.get()));
    }
    // With `row` as the document; `parameters` is a map, or null.
    [[nodiscard]] result<value> evaluate(const view &row, const view &parameters = {}) const
    {
        detail::decoded memory;
        if (raw_.get() == nullptr) {
            return detail::gone();
        }
        return memory.get([&](pbase_arena *arena, pbase_value *out, pbase_error *err) {
            return pbase_expr_evaluate(raw_.get(), &row.raw(),
                                       parameters.is_null() ? nullptr : &parameters.raw(), arena,
                                       out, err);
        });
    }
    [[nodiscard]] result<std::string> text() const
    {
        if (raw_.get() == nullptr) {
            return detail::gone();
        }
        return detail::formatted([&](pbase_buffer *out, pbase_error *err) {
            return pbase_expr_format(raw_.get(), out, err);
        });
    }

  private:
    template <class Call> static result<expression> made(Call &&call)
    {
        pbase_expr *raw = nullptr;
        auto done = detail::checked([&](pbase_error *err) { return call(&raw, err); });
        if (!done) {
            return done.failure();
        }
        return expression(raw);
    }
    detail::handle<pbase_expr, pbase_expr_destroy> raw_;
};

} // namespace protobase
#endif

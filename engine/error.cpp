#include "engine/error.h"

namespace kvasir {

std::string Error::message() const {
    std::string text = what;
    if (!where.empty()) {
        const bool stop = !text.empty() && text.back() == '.';
        if (stop) text.pop_back();
        text += " (" + where + ")" + (stop ? "." : "");
    }
    if (!advice.empty()) text += " " + advice;
    return text;
}

}  // namespace kvasir

"""Errors, as HTTP says them."""


def problem(response, status, code):
    """Checks that the answer is that problem, in the form of RFC 9457, and returns its body."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status and body["code"] == code, body
    assert body["type"] and body["title"] and body["detail"], body
    return body

-- Send sixteen requests in one write; wrk counts each of the answers.

local here = debug.getinfo(1, "S").source:match("@(.*/)") or ""
dofile(here .. "report.lua")

function init(arguments)
    local one = wrk.format()
    pipelined = string.rep(one, 16)
end

function request()
    return pipelined
end

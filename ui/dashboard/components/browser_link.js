export function render({ model, view }) {
  const box = document.createElement("div"), lost = document.createElement("div"), drop = document.createElement("div")
  const notices = document.createElement("div")
  lost.className = "lost"
  lost.setAttribute("role", "alert")
  lost.hidden = true
  drop.className = "drop"
  drop.textContent = "Drop a request in YAML here"
  drop.hidden = true
  notices.className = "notices"
  notices.setAttribute("role", "status")
  box.append(lost, drop, notices)

  const tell = (text, isError) => {
    const notice = document.createElement("div"), close = document.createElement("button"), said = document.createElement("span")
    notice.className = isError ? "notice error" : "notice"
    if (isError) notice.setAttribute("role", "alert")
    said.textContent = text
    close.type = "button"
    close.textContent = "×"
    close.setAttribute("aria-label", "Close this notice")
    close.addEventListener("click", () => notice.remove())
    notice.append(said, close)
    for (const old of Array.from(notices.children)) if (old.firstChild.textContent === text) old.remove()
    notices.append(notice)
    while (notices.children.length > 3) notices.firstChild.remove()
    if (!isError) setTimeout(() => notice.remove(), 6000)
  }

  // By day or by night: as the reader chose here before, else as the system has it. The server reads the cookie, so
  // that the next page comes in its colours.
  const page = view && view.root && view.root.model, doc = view && view.model && view.model.document
  const remember = (dark) => {
    document.cookie = `alert-transfer-dark=${dark ? 1 : 0}; path=${window.location.pathname}; max-age=31536000; samesite=lax`
  }
  model.on("msg:custom", (event) => {
    const { dark } = event.data || event
    if (dark !== undefined) remember(dark)
  })
  const isNew = model.is_page && !/(^|; )alert-transfer-dark=/.test(document.cookie)
  // A page that is new where it is night is hidden until it is dark.
  const light = () => { document.documentElement.dataset.lit = "" }
  const isDark = () => {
    const ground = getComputedStyle(document.body).getPropertyValue("--first-ground").trim()
    return (document.querySelector("#page-style")?.textContent || "").includes(ground)
  }
  const lightWhenDark = (frames) => {
    if (frames === 0 || isDark()) requestAnimationFrame(light)
    else requestAnimationFrame(() => lightWhenDark(frames - 1))
  }
  const darken = () => {
    page.data.dark_theme = true
    remember(true)
    lightWhenDark(300)
  }
  if (isNew && page && page.data && doc && window.matchMedia("(prefers-color-scheme: dark)").matches) {
    darken()
  } else light()

  let told = 0
  const tellAll = () => {
    for (const { number, text, is_error } of model.notices) if (number > told) { told = number; tell(text, is_error) }
  }
  model.on("notices", tellAll)
  tellAll()

  // What was typed into fields of text while the server was away, by their names; it was sent to nobody.
  const TYPED = "alert-transfer-typed"
  let store = null
  try { store = window.sessionStorage } catch (denied) { /* a frame of others may have none */ }
  const keepTyped = () => {
    const typed = window.alertTransferTyped
    if (typed !== undefined) store?.setItem(TYPED, JSON.stringify([window.location.search, typed]))
  }
  const takeUpTyped = () => {
    const [search, typed] = JSON.parse(store?.getItem(TYPED) || "[]")
    store?.removeItem(TYPED)
    if (typed !== undefined && search === window.location.search) model.send_msg({ typed })
  }
  if (model.is_page) takeUpTyped()

  // The address: what is typed replaces it, a step or a job that is gone to is one more to come back to.
  const showAddress = () => {
    if (!model.has_address || model.search === window.location.search) return
    const url = window.location.pathname + model.search + window.location.hash
    if (model.is_place) window.history.pushState({}, "", url)
    else window.history.replaceState({}, "", url)
  }
  model.on("search", showAddress)
  showAddress()
  const went = () => model.send_msg({ went: window.location.search })
  if (model.has_address) window.addEventListener("popstate", went)

  // Files
  const hasFiles = (event) => Array.from((event.dataTransfer || {}).types || []).includes("Files")
  let depth = 0
  const over = (event) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    drop.hidden = false
  }
  const enter = (event) => { if (hasFiles(event)) depth += 1 }
  const leave = (event) => {
    if (hasFiles(event)) depth -= 1
    if (depth <= 0) { depth = 0; drop.hidden = true }
  }
  const dropped = async (event) => {
    depth = 0
    drop.hidden = true
    if (!hasFiles(event)) return
    event.preventDefault()
    const file = event.dataTransfer.files[0]
    if (!file) return
    if (file.size > model.most_nbytes) model.send_msg({ name: file.name.slice(0, 200), nbytes: file.size })
    else model.send_msg({ name: file.name.slice(0, 200), text: await file.text() })
  }
  const listeners = { dragenter: enter, dragover: over, dragleave: leave, drop: dropped }
  for (const [name, listener] of Object.entries(listeners)) window.addEventListener(name, listener)

  // The connection: when the server is back, the page is loaded again from its address.
  let waiting = 0
  const look = async () => {
    try {
      const answer = await fetch("static/js/bokeh.min.js", { method: "HEAD", cache: "no-store" })
      if (answer.ok) { keepTyped(); window.location.reload(); return }
    } catch (gone) { /* not yet */ }
    waiting = setTimeout(look, 2000)
  }
  const gone = () => {
    if (!lost.hidden) return
    lost.textContent = "The connection to the server is lost. What you chose is in the page's address; the page comes back by itself as soon as the server does."
    lost.hidden = false
    document.documentElement.dataset.lost = ""
    window.dispatchEvent(new Event("alert-transfer-lost"))
    waiting = setTimeout(look, 1000)
  }
  if (doc && model.is_page) doc.on_event("connection_lost", gone)

  model.on("remove", () => {
    clearTimeout(waiting)
    window.removeEventListener("popstate", went)
    for (const [name, listener] of Object.entries(listeners)) window.removeEventListener(name, listener)
  })
  return box
}

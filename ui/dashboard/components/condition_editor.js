const PAUSE = 180
const MOST = 12
const DRAFT = 'alert-transfer-conditions'
const LOST = 'alert-transfer-lost'
const WORDS = new Set(('and or not in is null like ilike rlike between case when then else end cast as true false ' +
  'exists asc desc escape any all some').split(' '))
const TOKENS = /(--[^\n]*|\/\*[^]*?(?:\*\/|$))|('(?:[^'\\]|\\.|'')*'?|"(?:[^"\\]|\\.)*"?)|((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|([A-Za-z_`][\w.`$\[\]:]*)|[^]/g
let number = 0

export function render({ model }) {
  const id = `conditions-${++number}`
  const root = document.createElement('div')
  root.className = 'at editor'
  root.innerHTML = '<div class="box frame"><pre aria-hidden="true"></pre><textarea rows="6" spellcheck="false" autocomplete="off" autocapitalize="off" autocorrect="off"></textarea></div><div class="list box" role="listbox" hidden></div><div class="hidden problem"></div>'
  const [pre, area, list, problem] = ['pre', 'textarea', '.list', '.problem'].map((one) => root.querySelector(one))
  list.id = `${id}-list`
  problem.id = `${id}-problem`
  area.value = model.value
  list.setAttribute('aria-label', 'Completions')
  for (const [key, value] of Object.entries({
    'role': 'combobox', 'aria-autocomplete': 'list', 'aria-controls': list.id,
    'aria-expanded': 'false', 'aria-describedby': problem.id,
  })) area.setAttribute(key, value)

  let timer = null
  let options = []
  let active = 0
  let start = 0
  let known = new Set()

  function span(css, text) {
    const node = document.createElement(css === 'mark' ? 'mark' : 'span')
    if (css !== 'mark') node.className = css
    node.textContent = text
    return node
  }

  function paint() {
    const text = area.value
    const [line, column, length] = model.mark.length === 3 ? model.mark : [0, 0, 0]
    let from = -1
    if (line) {
      from = column - 1
      for (let at = 0, left = line - 1; left > 0; left--) {
        at = text.indexOf('\n', at) + 1
        from = at + column - 1
      }
    }
    const to = from < 0 ? -1 : Math.max(from + length, from + 1)
    const nodes = []
    for (const found of text.matchAll(TOKENS)) {
      const word = found[0]
      const css = found[1] ? 'c' : found[2] ? 's' : found[3] ? 'n' : !found[4] ? ''
        : WORDS.has(word.toLowerCase()) ? 'k' : known.has(word.toLowerCase()) ? 'f' : ''
      const at = found.index
      const cut = [...new Set([0, Math.min(Math.max(from - at, 0), word.length), Math.min(Math.max(to - at, 0), word.length), word.length])]
      for (let i = 0; i + 1 < cut.length; i++) {
        const part = word.slice(cut[i], cut[i + 1])
        const inside = from >= 0 && at + cut[i] >= from && at + cut[i] < to
        let node = css ? span(css, part) : document.createTextNode(part)
        if (inside) { const mark = span('mark', ''); mark.append(node); node = mark }
        nodes.push(node)
      }
    }
    if (from >= text.length && from >= 0) nodes.push(span('mark', ' '))
    nodes.push(document.createTextNode('\n'))
    pre.replaceChildren(...nodes)
    area.style.height = 'auto'
    area.style.height = `${Math.max(area.scrollHeight, pre.scrollHeight, 132)}px`
  }

  function send() {
    clearTimeout(timer)
    timer = null
    if (!isLost() && model.value !== area.value) model.value = area.value
  }

  function typed() {
    if (model.mark.length && !isLost()) model.mark = []
    paint()
    clearTimeout(timer)
    timer = setTimeout(send, PAUSE)
    complete()
  }

  function complete() {
    const before = area.value.slice(0, area.selectionStart)
    const word = (/[A-Za-z_][\w.]*$/.exec(before) || [''])[0].toLowerCase()
    const quoted = (before.replace(/''/g, '').split('\n').pop().match(/'/g) || []).length % 2
    start = area.selectionStart - word.length
    if (word.length < 2 || quoted || /--[^\n]*$/.test(before)) return close()
    const leaf = (name) => name.toLowerCase().split('.').pop()
    const rank = (name) => name.toLowerCase().startsWith(word) ? 0 : leaf(name).startsWith(word) ? 1 : 2
    const fields = model.completions
      .filter((name) => name.toLowerCase().includes(word) && name.toLowerCase() !== word)
      .map((name) => ({ name, shown: name, rank: rank(name) }))
    const functions = word.includes('.') ? [] : model.functions
      .filter(({ usage }) => usage.split('(')[0].toLowerCase().includes(word))
      .map(({ usage, gives }) => ({ name: usage.split('(')[0], shown: usage, gives, rank: rank(usage.split('(')[0]) }))
    const found = [...fields, ...functions]
    found.sort((a, b) => a.rank - b.rank || a.name.length - b.name.length)
    options = found.slice(0, MOST)
    if (!options.length) return close()
    active = 0
    list.replaceChildren(...options.map(({ shown, gives }, at) => {
      const option = document.createElement('div')
      option.className = 'option'
      option.id = `${id}-${at}`
      const name = document.createElement('span')
      name.textContent = shown
      option.append(name)
      if (gives) {
        const hint = document.createElement('span')
        hint.className = 'hint'
        hint.textContent = gives
        option.append(hint)
      }
      option.setAttribute('role', 'option')
      option.setAttribute('aria-label', gives ? `${shown}: ${gives}` : shown)
      option.addEventListener('mousedown', (event) => { event.preventDefault(); take(at) })
      return option
    }))
    const line = before.split('\n').length
    list.style.top = `${Math.min(10 + 21 * line, area.offsetHeight) + 2}px`
    list.hidden = false
    area.setAttribute('aria-expanded', 'true')
    point(0)
  }

  function point(to) {
    active = (to + options.length) % options.length
    ;[...list.children].forEach((option, at) => {
      option.classList.toggle('active', at === active)
      option.setAttribute('aria-selected', String(at === active))
    })
    area.setAttribute('aria-activedescendant', `${id}-${active}`)
    list.children[active].scrollIntoView({ block: 'nearest' })
  }

  function close() {
    list.hidden = true
    area.setAttribute('aria-expanded', 'false')
    area.removeAttribute('aria-activedescendant')
  }

  function put(text, from, to) {
    area.setRangeText(text, from, to, 'end')
    close()
    typed()
    close()
  }

  function take(at) {
    const { name, gives } = options[at]
    put(gives ? `${name}()` : name, start, area.selectionStart)
    if (gives) area.selectionStart = area.selectionEnd = area.selectionStart - 1
  }

  area.addEventListener('input', typed)
  area.addEventListener('blur', () => { close(); send() })
  area.addEventListener('keydown', (event) => {
    if (list.hidden) return
    if (event.key === 'ArrowDown') point(active + 1)
    else if (event.key === 'ArrowUp') point(active - 1)
    else if (event.key === 'Enter' || (event.key === 'Tab' && !event.shiftKey)) take(active)
    else if (event.key === 'Escape') close()
    else return
    event.preventDefault()
    event.stopPropagation()
  })
  model.on('value', () => {
    if (timer === null && area.value !== model.value) { area.value = model.value; paint() }
  })
  model.on('mark', paint)
  model.on('problem', () => tell())
  model.on('completions', learn)
  model.on('functions', learn)
  model.on('placeholder', () => tell())
  model.on('msg:custom', (message) => {
    const text = (message.data || message).insert
    if (text === undefined) return
    const at = area.selectionStart
    const before = area.value[at - 1]
    const blank = at > 0 && !/[\s(]/.test(before) ? (text.includes('\n') ? '\n' : ' ') : ''
    area.focus()
    put(blank + text, at, area.selectionEnd)
  })

  // What is typed while the server is away is sent to nobody: it is kept for the page that comes back in this one's place.
  let store = null
  try { store = window.sessionStorage } catch (denied) { /* a frame of others may have none */ }
  const keep = () => store?.setItem(DRAFT, JSON.stringify([window.location.search, area.value]))
  const isLost = () => document.documentElement.dataset.lost !== undefined
  area.addEventListener('input', () => { if (isLost()) keep() })
  window.addEventListener(LOST, keep)
  model.on('remove', () => window.removeEventListener(LOST, keep))

  function takeUp() {
    const [search, text] = JSON.parse(store?.getItem(DRAFT) || '[]')
    store?.removeItem(DRAFT)
    if (search !== window.location.search || text === area.value) return
    area.value = text
    send()
  }

  function tell() {
    area.setAttribute('aria-label', model.label)
    area.placeholder = model.placeholder
    area.setAttribute('aria-invalid', String(Boolean(model.problem)))
    problem.textContent = model.problem
  }

  function learn() {
    const functions = model.functions.map(({ usage }) => usage.split('(')[0])
    known = new Set([...model.completions, ...functions].map((name) => name.toLowerCase()))
    paint()
  }
  takeUp()
  tell()
  learn()
  requestAnimationFrame(paint)
  return root
}

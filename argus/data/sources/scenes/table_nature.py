"""Hand-written concept table: living things, people, body, sky. `concepts` explains the lines."""

TABLE = """
face ; 脸, 面孔
  smiley face, smiley, happy face ; 笑脸, 笑脸表情 ; 1f600 1f603 1f604 1f601 1f642 1f60a 263a
  sad face ; 悲伤的脸, 难过的脸 ; 1f641 2639 1f61e 1f614 1f61f ; ~crying face ~angry face
  crying face ; 哭脸, 哭泣的脸 ; 1f622 1f62d
  angry face ; 生气的脸, 愤怒的脸 ; 1f621 1f620
  sleeping face ; 睡脸, 睡觉的脸 ; 1f634
  clown face, clown ; 小丑, 小丑脸 ; 1f921 ; ?smiley face
  face with sunglasses ; 戴墨镜的脸 ; 1f60e ; ?smiley face ?sunglasses
  winking face ; 眨眼的脸 ; 1f609 ; ?smiley face

person, human ; 人, 人类 ; ; ?face
  baby, infant ; 婴儿, 宝宝 ; 1f476 ; ?child ?boy ?girl
  child, kid ; 孩子, 儿童, 小孩 ; 1f9d2 ; ?boy ?girl
    boy ; 男孩, 小男孩 ; 1f466
    girl ; 女孩, 小女孩 ; 1f467
  man ; 男人, 男子 ; 1f468
    old man, elderly man, grandfather ; 老爷爷, 老年男人 ; 1f474
    bearded man, man with beard ; 有胡子的男人 ; 1f9d4-200d-2642
  woman ; 女人, 女子 ; 1f469
    old woman, elderly woman, grandmother ; 老奶奶, 老年女人 ; 1f475
    pregnant woman ; 孕妇 ; 1f930
    bride ; 新娘 ; 1f470-200d-2640 1f470
  police officer, policeman ; 警察, 警官 ; 1f46e 1f46e-200d-2642 1f46e-200d-2640 ; ?man ?woman
  firefighter, fireman ; 消防员 ; 1f9d1-200d-1f692 1f468-200d-1f692 1f469-200d-1f692 ; ?man ?woman
  astronaut, spaceman ; 宇航员, 航天员 ; 1f9d1-200d-1f680 1f468-200d-1f680 1f469-200d-1f680 ; ?man ?woman
  chef, cook ; 厨师 ; 1f9d1-200d-1f373 1f468-200d-1f373 1f469-200d-1f373 ; ?man ?woman
  doctor, health worker ; 医生, 大夫 ; 1f9d1-200d-2695 1f468-200d-2695 1f469-200d-2695 ; ?man ?woman ?stethoscope
  farmer ; 农民 ; 1f9d1-200d-1f33e 1f468-200d-1f33e 1f469-200d-1f33e ; ?man ?woman
  construction worker, builder ; 建筑工人 ; 1f477 1f477-200d-2642 1f477-200d-2640 ; ?man ?woman
  artist, painter ; 画家, 艺术家 ; 1f9d1-200d-1f3a8 1f468-200d-1f3a8 1f469-200d-1f3a8 ; ?man ?woman ?palette
  detective ; 侦探 ; 1f575 1f575-200d-2642 1f575-200d-2640 ; ?man ?woman
  guard, royal guard ; 卫兵 ; 1f482 1f482-200d-2642 1f482-200d-2640 ; ?man ?woman
  ninja ; 忍者 ; 1f977 ; ?man ?woman
  wizard, mage ; 巫师, 法师 ; 1f9d9 1f9d9-200d-2642 ; ?man ?woman
  vampire ; 吸血鬼 ; 1f9db 1f9db-200d-2642 1f9db-200d-2640 ; ?man ?woman
  superhero ; 超级英雄 ; 1f9b8 1f9b8-200d-2642 1f9b8-200d-2640 ; ?man ?woman
  princess ; 公主 ; 1f478 ; ?woman ?girl ?crown
  prince ; 王子 ; 1f934 ; ?man ?boy ?crown
  mermaid ; 美人鱼 ; 1f9dc-200d-2640 ; ?woman ?girl ?fish
  fairy ; 仙女 ; 1f9da 1f9da-200d-2640 ; ?woman ?girl
  santa claus, father christmas ; 圣诞老人 ; 1f385 ; ?man ?old man ?bearded man
  dancer, dancing woman ; 舞者, 跳舞的女人 ; 1f483 ; ?woman
  runner, running person ; 跑步的人, 跑步者 ; 1f3c3 1f3c3-200d-2642 1f3c3-200d-2640 ; ?man ?woman
  skier ; 滑雪的人, 滑雪者 ; 26f7 ; ?man ?woman ?skis
  surfer ; 冲浪的人, 冲浪者 ; 1f3c4 1f3c4-200d-2642 1f3c4-200d-2640 ; ?man ?woman ?surfboard ?wave
  swimmer ; 游泳的人, 游泳者 ; 1f3ca 1f3ca-200d-2642 1f3ca-200d-2640 ; ?man ?woman ?wave

creature ; 生物 ; ; !abstract
  robot ; 机器人 ; 1f916 ; ?face ?toy
  alien, extraterrestrial ; 外星人 ; 1f47d ; ?face ?person
  ghost ; 鬼, 幽灵 ; 1f47b ; ?face
  space invader ; 外星怪物 ; 1f47e ; ?alien

animal ; 动物 ; ; ?face ?creature
  mammal ; 哺乳动物
    dog, canine ; 狗, 犬 ; 1f415 1f436 1f9ae 1f415-200d-1f9ba
      poodle ; 贵宾犬, 贵妇犬 ; 1f429
    cat ; 猫, 猫咪 ; 1f408 1f431 1f408-200d-2b1b
    wolf ; 狼 ; 1f43a ; ~dog ~fox
    fox ; 狐狸 ; 1f98a ; ?dog
    raccoon ; 浣熊 ; 1f99d
    lion ; 狮子 ; 1f981
    tiger ; 老虎, 虎 ; 1f405 1f42f
    leopard ; 豹子, 豹 ; 1f406
    monkey ; 猴子 ; 1f412 1f435 ; ~gorilla ~orangutan
    gorilla ; 大猩猩 ; 1f98d ; ~orangutan
    orangutan ; 红毛猩猩 ; 1f9a7
    horse ; 马 ; 1f40e 1f434
    unicorn ; 独角兽 ; 1f984 ; ?horse
    zebra ; 斑马 ; 1f993 ; ?horse
    donkey ; 驴, 毛驴 ; 1facf ; ~horse
    deer ; 鹿 ; 1f98c
    moose, elk ; 驼鹿 ; 1face ; ~deer
    bison, buffalo ; 野牛 ; 1f9ac
    cow ; 奶牛, 牛, 母牛 ; 1f404 1f42e ; ~ox ~bison ~water buffalo
    ox, bull ; 公牛 ; 1f402 ; ~bison ~water buffalo
    water buffalo ; 水牛 ; 1f403 ; ~bison
    pig ; 猪 ; 1f416 1f437
    boar, wild pig ; 野猪 ; 1f417 ; ~pig
    sheep ; 羊, 绵羊 ; 1f411 ; ~goat
      ram, male sheep ; 公羊 ; 1f40f
    goat ; 山羊 ; 1f410 ; ~ram
    camel ; 骆驼 ; 1f42a 1f42b
    llama, alpaca ; 羊驼 ; 1f999
    giraffe ; 长颈鹿 ; 1f992
    elephant ; 大象, 象 ; 1f418
    mammoth ; 猛犸象, 猛犸 ; 1f9a3 ; ~elephant
    rhinoceros, rhino ; 犀牛 ; 1f98f
    hippopotamus, hippo ; 河马 ; 1f99b
    mouse ; 老鼠, 鼠 ; 1f401 1f42d ; ~rat ~hamster
    rat ; 大鼠, 耗子 ; 1f400 ; ~hamster
    hamster ; 仓鼠 ; 1f439
    rabbit, bunny ; 兔子, 兔 ; 1f407 1f430
    squirrel, chipmunk ; 松鼠, 花栗鼠 ; 1f43f
    beaver ; 海狸, 河狸 ; 1f9ab ; ~otter
    hedgehog ; 刺猬 ; 1f994
    bat ; 蝙蝠 ; 1f987
    bear ; 熊 ; 1f43b ; ~koala
      polar bear ; 北极熊, 白熊 ; 1f43b-200d-2744
    panda, giant panda ; 熊猫, 大熊猫 ; 1f43c ; ?bear
    koala ; 考拉, 树袋熊 ; 1f428
    sloth ; 树懒 ; 1f9a5
    otter ; 水獭 ; 1f9a6
    skunk ; 臭鼬 ; 1f9a8 ; ~badger
    kangaroo ; 袋鼠 ; 1f998
    badger ; 獾 ; 1f9a1
    whale ; 鲸鱼, 鲸 ; 1f40b 1f433 ; ?fish +sea animal
    dolphin ; 海豚 ; 1f42c ; ?fish ~whale +sea animal
    orca, killer whale ; 虎鲸 ; 1facd ; ~whale ~dolphin ?fish +sea animal
    seal ; 海豹 ; 1f9ad ; +sea animal
  bird ; 鸟, 鸟类 ; 1f426 ; ?chick
    chicken, hen ; 鸡, 母鸡 ; 1f414
    rooster, cock ; 公鸡 ; 1f413 ; ~chicken
    chick, baby chick ; 小鸡, 雏鸡 ; 1f424 1f425 ; ~chicken
    turkey ; 火鸡 ; 1f983 ; ~chicken ~peacock
    penguin ; 企鹅 ; 1f427
    dove, pigeon ; 鸽子, 白鸽 ; 1f54a
    eagle, hawk ; 鹰, 老鹰 ; 1f985
    duck ; 鸭子, 鸭 ; 1f986 ; ~goose
    goose ; 鹅 ; 1fabf ; ~swan
    swan ; 天鹅 ; 1f9a2
    owl ; 猫头鹰 ; 1f989
    dodo ; 渡渡鸟 ; 1f9a4
    flamingo ; 火烈鸟 ; 1f9a9
    peacock ; 孔雀 ; 1f99a
    parrot ; 鹦鹉 ; 1f99c
    crow, blackbird ; 乌鸦, 黑鸟 ; 1f426-200d-2b1b
  reptile ; 爬行动物
    crocodile, alligator ; 鳄鱼 ; 1f40a
    turtle, tortoise ; 乌龟, 龟 ; 1f422
    lizard, gecko ; 蜥蜴, 壁虎 ; 1f98e
    snake ; 蛇 ; 1f40d
    dinosaur ; 恐龙 ; ; ~dragon
      sauropod, brontosaurus ; 雷龙, 蜥脚龙 ; 1f995
      tyrannosaurus, t-rex ; 霸王龙, 暴龙 ; 1f996
  dragon ; 龙 ; 1f409 1f432 ; ?reptile
  frog ; 青蛙, 蛙 ; 1f438 ; ?reptile
  sea animal, marine animal ; 海洋动物 ; ; !abstract
    fish ; 鱼, 鱼类 ; 1f41f ; ?food
      tropical fish ; 热带鱼 ; 1f420 ; ~goldfish
      pufferfish, blowfish ; 河豚 ; 1f421
      shark ; 鲨鱼 ; 1f988
    octopus ; 章鱼 ; 1f419 ; ?food ~squid
    squid ; 鱿鱼, 乌贼 ; 1f991 ; ?food
    jellyfish ; 水母 ; 1fabc
    crab ; 螃蟹, 蟹 ; 1f980 ; ?food ~lobster
    lobster ; 龙虾 ; 1f99e ; ?food ~shrimp
    shrimp, prawn ; 虾 ; 1f990 ; ?food
    oyster, clam ; 牡蛎, 蛤蜊 ; 1f9aa ; ?food ?seashell
  insect, bug ; 昆虫, 虫子
    caterpillar ; 毛毛虫 ; 1f41b ; ~worm
    butterfly ; 蝴蝶 ; 1f98b
    ant ; 蚂蚁 ; 1f41c
    bee, honeybee ; 蜜蜂 ; 1f41d
    beetle ; 甲虫 ; 1fab2
      ladybug, ladybird ; 瓢虫 ; 1f41e
    cricket, grasshopper ; 蟋蟀, 蚱蜢 ; 1f997
    cockroach ; 蟑螂 ; 1fab3 ; ?beetle
    mosquito ; 蚊子 ; 1f99f ; ~fly
    fly, housefly ; 苍蝇 ; 1fab0 ; ~bee
  spider ; 蜘蛛 ; 1f577 ; ?insect
  scorpion ; 蝎子 ; 1f982 ; ?insect
  snail ; 蜗牛 ; 1f40c
  worm, earthworm ; 蚯蚓, 蠕虫 ; 1fab1 ; ?insect ?snake
  goldfish ; 金鱼 ; ; +fish
seashell, shell ; 贝壳, 海螺 ; 1f41a ; ?sea animal ?snail
coral ; 珊瑚 ; 1fab8 ; ?sea animal ?plant ?tree
spider web, cobweb ; 蜘蛛网 ; 1f578
feather ; 羽毛 ; 1fab6 ; ~leaf
paw print, paw prints ; 爪印, 脚掌印 ; 1f43e
microbe, germ, bacterium ; 细菌, 微生物 ; 1f9a0 ; ?insect ?creature
egg ; 蛋, 鸡蛋 ; 1f95a ; +food
nest, bird nest ; 鸟巢, 巢 ; 1faba 1fab9 ; ?egg

plant ; 植物
  flower ; 花, 花朵 ; 1f33c
    cherry blossom ; 樱花 ; 1f338
    rose ; 玫瑰, 玫瑰花 ; 1f339
    sunflower ; 向日葵 ; 1f33b ; ~daisy
    hibiscus ; 芙蓉花, 木槿花 ; 1f33a
    tulip ; 郁金香 ; 1f337
    lotus ; 莲花, 荷花 ; 1fab7
    daisy ; 雏菊 ; ;
    bouquet, bunch of flowers ; 花束 ; 1f490 ; ?rose ?tulip ?daisy ?leaf
    hyacinth, lavender ; 风信子, 薰衣草 ; 1fabb
  tree ; 树, 树木 ; 1f333
    pine tree, evergreen tree ; 松树, 常青树 ; 1f332
    palm tree ; 棕榈树, 椰子树 ; 1f334
    christmas tree ; 圣诞树 ; 1f384 ; ?star ?pine tree ?ornament
  leaf ; 叶子, 树叶 ; 1f343
    maple leaf ; 枫叶 ; 1f341
    fallen leaf, autumn leaf, dead leaf ; 落叶, 秋叶 ; 1f342
    clover, shamrock, four leaf clover ; 三叶草, 四叶草 ; 2618 1f340
  seedling, sprout ; 幼苗, 嫩芽 ; 1f331 ; ?leaf
  potted plant, houseplant ; 盆栽, 盆栽植物 ; 1fab4 ; ?leaf ?flower pot
  cactus ; 仙人掌 ; 1f335
  herb ; 香草, 药草 ; 1f33f ; ?leaf ~seedling
  wheat, sheaf of rice, grain ; 麦穗, 稻穗 ; 1f33e

hand ; 手
  thumbs up ; 竖起的大拇指, 点赞手势 ; 1f44d
  thumbs down ; 向下的拇指, 差评手势 ; 1f44e
  fist ; 拳头 ; 270a 1f44a 1f91b 1f91c
  open hand, palm ; 手掌, 张开的手 ; 270b 1f590 1f91a
  victory hand, peace sign ; 胜利手势 ; 270c ; ~crossed fingers
  crossed fingers ; 交叉的手指 ; 1f91e
  ok hand, ok sign ; ok手势 ; 1f44c
  pointing hand, pointing finger ; 指向的手, 手指指向 ; 1f448 1f446 1f447 1f449 261d
  clapping hands, clap ; 鼓掌的手 ; 1f44f ; ?open hand
  handshake ; 握手 ; 1f91d
  folded hands, praying hands ; 合十的双手 ; 1f64f
body part ; 身体部位 ; ; !abstract
  flexed arm, biceps, muscle ; 肌肉, 手臂 ; 1f4aa ; ?hand ?fist
  ear ; 耳朵 ; 1f442
  nose ; 鼻子 ; 1f443
  eye ; 眼睛 ; 1f441 1f440
  mouth, lips ; 嘴, 嘴唇 ; 1f444
  tongue ; 舌头 ; 1f445
  tooth ; 牙齿, 牙 ; 1f9b7
  foot ; 脚 ; 1f9b6 ; ~leg
  leg ; 腿 ; 1f9b5
  brain ; 大脑, 脑 ; 1f9e0
  lungs, lung ; 肺, 肺部 ; 1fac1
  heart organ, anatomical heart ; 心脏 ; 1fac0 ; ~heart
bone ; 骨头 ; 1f9b4 ; ?body part
skull ; 头骨, 骷髅 ; 1f480 2620 ; ?bone ?face ?body part
footprints, footprint ; 脚印 ; 1f463 ; ~paw print ?foot

sky thing ; 天上的东西 ; ; !abstract
  sun ; 太阳 ; 2600 1f31e ; ?face ?star ?circle
  moon ; 月亮, 月球 ; 1f315 1f31d ; ?face ?circle
    crescent moon ; 弯月, 月牙 ; 1f319 1f31b 1f31c ; ~crescent
  cloud ; 云, 云朵 ; 2601
  rain cloud, rainy cloud ; 雨云, 下雨的云 ; 1f327 ; +cloud ?snow cloud ?drop
  snow cloud, snowy cloud ; 雪云, 下雪的云 ; 1f328 ; +cloud ?snowflake
  storm cloud, thundercloud ; 雷雨云, 打雷的云 ; 1f329 26c8 ; +cloud ?lightning ?rain cloud
  lightning, lightning bolt ; 闪电 ; 26a1
  tornado, twister ; 龙卷风 ; 1f32a
  rainbow ; 彩虹 ; 1f308 ; ?cloud
  snowflake ; 雪花 ; 2744
  comet, meteor ; 彗星, 流星 ; 2604 ; ?star ?fire
  planet, saturn ; 行星, 土星 ; 1fa90 ; ~moon ~globe
  globe, earth ; 地球, 地球仪 ; 1f30d 1f30e 1f30f ; ?circle ?planet
  fire, flame ; 火, 火焰 ; 1f525
  drop, water drop, droplet ; 水滴 ; 1f4a7 ; ?blood drop
  wave, ocean wave ; 海浪, 浪花 ; 1f30a
snowman ; 雪人 ; 2603 26c4 ; ?face
rock, stone ; 石头, 岩石 ; 1faa8 ; ~pebble
wood, log ; 木头, 原木 ; 1fab5
mountain ; 山, 高山 ; 26f0 1f3d4 1f5fb
  volcano ; 火山 ; 1f30b ; ?fire
"""
